"""The routes: one resource per file. An endpoint is little more than a query and the shape of its response."""
