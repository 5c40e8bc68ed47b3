"""Data sets that come over HTTP: taken in, pictured, removed."""
