"""How much worse models become on corrupted rows: predictions of each corruption and severity, and the report."""
