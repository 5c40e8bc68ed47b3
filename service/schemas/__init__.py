"""The models of responses: flat rows, times in RFC 3339, null for absent values, [] for empty lists."""
