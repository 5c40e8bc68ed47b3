"""The database file is deleted or replaced under a running service: it stops accepting, and says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.launcher import prepare
from service.operations import readiness
from service.settings import Settings
from tests.service.live_server import Live, live


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(readiness, "CACHED_SECONDS", 0.0)
    settings = Settings(data_dir=tmp_path, workers=0, log_level="warning")
    prepare(settings)
    with live(settings) as service:
        yield service


@pytest.mark.parametrize("replaced", [False, True])
def test_no_experiment_is_accepted_for_a_file_that_is_gone(
    service: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture, replaced: bool
) -> None:
    http = service.client
    accepted = http.post("/experiments", json={"dataset": "iris"})
    assert accepted.status_code == 202
    page = accepted.headers["location"]
    assert http.get(page).status_code == 200
    file, aside = tmp_path / "holdout.db", tmp_path / "aside.db"
    file.rename(aside)
    if replaced:
        file.write_bytes(aside.read_bytes())
    for method, path in (("POST", "/experiments"), ("GET", page), ("GET", "/experiments")):
        body = {"dataset": "iris"} if method == "POST" else None
        refused = http.request(method, path, json=body)
        assert refused.status_code == 503, (method, path)
        assert refused.json()["type"] == "/problems/database-unavailable"
        assert "deleted or replaced" in refused.json()["detail"]
    assert http.get("/health").status_code == 200
    (error,) = http.get("/ready").json()["errors"]
    assert error["path"] == "database"
    assert "restarted" in error["message"]
    assert len([each for each in caplog.messages if "no longer the file" in each]) == 1
    aside.rename(file)
    assert http.post("/experiments", json={"dataset": "iris"}).status_code == 202
    assert http.get("/ready").status_code == 200
