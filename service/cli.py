"""holdout: the command line."""
