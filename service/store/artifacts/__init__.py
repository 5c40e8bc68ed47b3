"""Large checkpoints and models, kept as files in a folder or an object store."""
