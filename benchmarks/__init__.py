"""Side by side with peers: run as plain small tests in CI, measured on demand."""
