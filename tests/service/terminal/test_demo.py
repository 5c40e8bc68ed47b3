from pathlib import Path

import pytest

from service.launcher import serving
from service.settings import Settings
from service.terminal.client import Client
from service.terminal.demo import SPECS, demonstrate


def test_the_demo_shows_both_losses_and_leaves_the_experiments_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path, workers=2, port=8765)

    assert demonstrate(settings) == 0

    printed, logged = capsys.readouterr()
    assert logged == ""
    heading = next(line for line in printed.splitlines() if line.startswith("class "))
    assert heading.split() == ["class", "rows", "always", "'3'", "linear", "cross-entropy", "focal"]
    assert "http://127.0.0.1:8765/experiments/2" in printed
    later = settings.model_copy(update={"port": 0, "workers": 0, "log_level": "warning"})
    with serving(later) as url, Client(url) as client:
        assert [client.experiment(number)["name"] for number in (1, 2)] == [spec["name"] for spec in SPECS]


def test_the_experiments_of_the_demo_differ_in_the_loss_alone() -> None:
    plain, focal = SPECS
    assert {key for key in plain if plain[key] != focal[key]} == {"name", "loss"}
