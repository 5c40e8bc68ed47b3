"""What clients and replicas prove themselves with: tokens, and keys to sign with."""
