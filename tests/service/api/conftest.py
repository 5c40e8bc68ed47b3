"""What tests of answers share."""

import pytest

from tests.service.fake_worker import CONFUSION, FakeWorker


@pytest.fixture
def running(fake_worker: FakeWorker) -> int:
    """An experiment of which one seed has done an epoch, and the other waits."""
    experiment_id = fake_worker.submit(seeds=[0, 1])
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return experiment_id
