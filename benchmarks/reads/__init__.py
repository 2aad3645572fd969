"""Reading at the limit: engines in turn on the same blocks, compared with the truth."""
