"""Faulty networks: every driver reads the sample from servers that fail at random.

    python -m benchmarks.faults --reads 1000 --seed 1

Each read opens a volume, takes a box of it and compares it, voxel for voxel, with the
same box from disk. It comes out exact, or is refused with an error of emcatalog's;
wrong voxels, foreign errors and hangs are counted, and there must be none.

Which request meets which fault depends on the seed, the number of the read and the
request alone. Not injected is what no reader could notice: a 404 for a chunk, which in
Zarr, N5 and precomputed means "nothing but the fill value", and another version of a
file that is had in one request.
"""
