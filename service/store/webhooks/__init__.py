"""Webhooks, and the outbox of the messages to them."""
