"""Live updates: one change feed, and the long polls and server-sent events that read it."""
