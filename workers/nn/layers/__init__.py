"""The layers of a network, one per file."""
