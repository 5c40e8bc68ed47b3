"""Losses, activations, layers, networks and optimizers over one flat parameter vector."""
