"""The command line `holdout`: its commands, its HTTP client, its output, and the demo."""
