"""Connections to SQLite or PostgreSQL: drivers, set-up, lock timeouts, the clock of the database."""
