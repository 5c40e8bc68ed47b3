"""Simulations with a known truth: how often the intervals of the product cover it. `make simulate` runs them."""
