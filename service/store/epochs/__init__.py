"""The rows of epochs: one writer, and readers for pages, exports and selected epochs."""
