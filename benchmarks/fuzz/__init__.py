"""Fuzzing of every parser: only errors of ours, in bounded time and memory.

    python -m benchmarks.fuzz --list
    python -m benchmarks.fuzz dm3 tiff --runs 100000
    python -m benchmarks.fuzz tiff --replay FILE

A target is a parser with seeds and a check, which opens an input through the real
driver and reads a little of it (`benchmarks.fuzz.target`). The laws that hold for every
input are in `benchmarks.fuzz.laws`.
"""
