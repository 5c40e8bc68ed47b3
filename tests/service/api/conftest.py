"""What tests of answers share."""

import pytest

from tests.service.fake_worker import CONFUSION, Laboratory


@pytest.fixture
def running(laboratory: Laboratory) -> int:
    """An experiment of which one seed has done an epoch, and the other waits."""
    experiment_id = laboratory.submit(seeds=[0, 1])
    laboratory.claim()
    laboratory.epoch(experiment_id, 1, CONFUSION)
    return experiment_id
