"""Worker processes: the pool that starts and kills them, the code inside one, and the limits of its memory."""
