"""The Python client: `from service.client import Client`. It imports nothing of the server, and needs httpx2 only."""

from service.client.charts import Chart
from service.client.client import Client
from service.client.comparison import Comparison
from service.client.connection import RequestRefused
from service.client.dataset import Dataset, Inspection
from service.client.experiment import Experiment
from service.client.leaderboard import Leaderboard
from service.client.matrices import ConfusionMatrix
from service.client.sweep import Sweep
from service.client.tables import Table

__all__ = [
    "Chart",
    "Client",
    "Comparison",
    "ConfusionMatrix",
    "Dataset",
    "Experiment",
    "Inspection",
    "Leaderboard",
    "RequestRefused",
    "Sweep",
    "Table",
]
