"""The database. Statuses are written by `queue` alone, epochs by `epochs.epoch_writer`, looks by `ledger`.

Modules whose name ends in `_reader` only read, as do `queue_stats`, `claim_order` and `epochs.epoch_export`.
"""
