"""The database: tables, the queue, the history of epochs, and what is asked of them."""
