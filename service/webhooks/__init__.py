"""Webhooks: sending a signed message to every registered URL when an experiment ends."""
