"""The OpenAPI document: its errors, headers, links and examples, beside what the routes declare."""
