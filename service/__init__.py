"""Accepts experiments over HTTP, stores them, hands them to workers, and serves what comes back."""
