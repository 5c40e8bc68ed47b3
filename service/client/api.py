"""The endpoints of the service as methods that return decoded JSON: what the client and the command line call."""

from service.client.dataset_endpoints import DatasetEndpoints
from service.client.experiment_endpoints import ExperimentEndpoints
from service.client.monitor_endpoints import MonitorEndpoints
from service.client.sweep_endpoints import SweepEndpoints


class Api(ExperimentEndpoints, MonitorEndpoints, SweepEndpoints, DatasetEndpoints):
    """A method for each endpoint that programs need.

    Raises RequestRefused if the service responds with an error, and httpx2.HTTPError if it does not respond.
    """
