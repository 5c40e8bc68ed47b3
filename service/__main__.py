"""`python -m service` runs the command `holdout`."""

from service.cli.commands import app

app()
