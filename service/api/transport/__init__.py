"""Below the routes: the HTTP protocol with its limits, and the outermost middleware."""
