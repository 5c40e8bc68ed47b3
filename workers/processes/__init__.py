"""Worker processes: the pool that starts and kills them, what runs inside one, and limits of its memory."""
