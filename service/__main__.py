"""`python -m service` is `holdout`."""

from service.cli.commands import app

app()
