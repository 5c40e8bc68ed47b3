"""The routes: one resource a file, and an endpoint hardly more than a query and the shape of its answer."""
