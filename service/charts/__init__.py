"""Charts as SVG, from the figures of responses: no library, no script, and no knowledge of HTTP or the database."""
