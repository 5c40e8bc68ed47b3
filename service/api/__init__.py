"""What routes are built from: their parameters, errors, tokens and waiting, and the document that describes them."""
