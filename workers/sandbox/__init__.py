"""Files of strangers are read in a process of their own: whatever they do to it, they do to nothing else."""
