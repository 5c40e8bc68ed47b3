"""`python -m service` is `holdout`."""

from service.cli import app

app()
