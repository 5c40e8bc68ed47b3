"""The OpenAPI document: errors, links and examples beside what the routes declare."""
