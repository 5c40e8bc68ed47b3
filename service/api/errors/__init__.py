"""Error responses: the table from domain errors to HTTP statuses, and the exception handlers that use it."""
