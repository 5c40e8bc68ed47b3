"""The client's monitor, from its first batch to its end."""

from io import BytesIO

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.client import Client, RequestRefused
from tests.service.experiments.test_named_rows import Trained, as_csv
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table


@pytest.mark.usefixtures("in_process")
def test_a_monitor_tests_batches_until_it_is_deleted(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker
) -> None:
    trained = Trained(app, client, fake_worker)
    with Client("http://testserver") as service:
        monitor = service.create_monitor(trained.id, "line", detectors=["outputs", "features"])
        quiet = monitor.add(BytesIO(as_csv(mixed_table(60, seed=1))), name="day 1", label="bought")
        assert (quiet["number"], quiet["alarms"]) == (1, [])
        assert quiet["accuracy"] is not None
        strange = mixed_table(60, seed=2)
        strange.features[:, 0] *= 1000
        alarm = monitor.add(BytesIO(as_csv(strange)), name="day 2")
        assert alarm["alarms"]
        assert monitor.has_alarm
        assert monitor.refresh().data["first_alarm"] == 2
        assert monitor.batches()["name"].tolist() == ["day 2", "day 1"]
        assert len(monitor.batches(limit=1)) == 1
        assert monitor.batch(2)["moved"] == alarm["moved"]
        assert "line&#x27;: alarm, 2 batches</p>" in monitor._repr_html_()
        assert monitor.chart().svg.startswith("<svg")
        assert service.monitor(monitor.id).data == monitor.data
        assert service.monitors(experiment_id=trained.id)["id"].tolist() == [monitor.id]
        monitor.delete()
        assert len(service.monitors()) == 0
        with pytest.raises(RequestRefused, match="There is no monitor"):
            service.monitor(monitor.id)
