"""Blocks for training: plans and loaders in turn; every block is compared."""
