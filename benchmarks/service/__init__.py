"""The service beside its peers, and beside itself under load: one comparison a file, each with `measure()`."""
