"""Parts of HTTP that know nothing of experiments: bodies, forms, cursors, conditional requests, negotiation."""
