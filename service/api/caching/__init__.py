"""The HTTP response cache: a middleware, and the least recently used store behind it."""
