"""The command line ``emcatalog``: one subcommand for each consumer.

Importing it is cheap; what a command needs is imported when the command runs.
"""

from emcatalog.cli.app import app, main

__all__ = ["app", "main"]
