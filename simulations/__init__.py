"""Simulations through the code of the service: how often intervals cover, and how often comparisons are wrong."""
