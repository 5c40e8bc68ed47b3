"""The Python client: `from service.client import Client`. It imports nothing of the server."""

from service.client.api import RequestRefused
from service.client.client import Client
from service.client.experiment import Experiment
from service.client.tables import Table

__all__ = ["Client", "Experiment", "RequestRefused", "Table"]
