"""What is answered: flat rows, times in RFC 3339, null for what is absent, [] for what is empty."""
