import os
import signal
from pathlib import Path

import httpx2
import pytest

from service.cli.demo import SPECS, run_demo
from service.client.api import Api
from service.launcher import serving
from service.settings import Settings
from tests.program_template import ForkedProgram

SHORT = """
from service.cli import commands, demo
for spec in demo.SPECS:
    spec |= {"training": {"epochs": 1}, "seeds": [0]}
commands.app()
"""
"""The program with a demo of two epochs: what is served afterwards is the same."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a user who has a service: the demo must not touch its folder or its database."""
    database = f"sqlite:///{tmp_path}/elsewhere/holdout.db"
    return Settings(data_dir=tmp_path / "data", database_url=database, workers=2, port=8765)


@pytest.mark.thorough
def test_the_demo_shows_both_losses_and_leaves_the_users_data_alone(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_demo(settings) == 0

    printed, logged = capsys.readouterr()
    assert logged == ""
    heading = next(line for line in printed.splitlines() if line.startswith("class "))
    assert heading.split() == ["class", "rows", "always", "'1'", "linear", "cross-entropy", "focal"]
    assert "http://" not in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_a_given_folder_keeps_the_experiments(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    assert run_demo(settings, kept) == 0
    assert f"holdout serve --data-dir {kept}" in capsys.readouterr().out
    later = Settings(data_dir=kept, port=0, workers=0, log_level="warning")
    with serving(later) as url, Api(url) as client:
        assert [client.experiment(number)["name"] for number in (1, 2)] == [spec["name"] for spec in SPECS]
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)])
def test_a_demo_that_serves_has_links_that_work_until_it_is_stopped(
    tmp_path: Path, stop: signal.Signals
) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    reading, writing = os.pipe()
    demo = ForkedProgram(["demo", "--serve"], env=environment, stdout=writing, stderr=2, code=SHORT)
    os.close(writing)
    with os.fdopen(reading) as printed:
        links = []
        for line in printed:
            links += [line.strip()] if line.startswith("  http://") else []
            if "Ctrl-C" in line:
                break
        assert [httpx2.get(link).status_code for link in links] == [200, 200, 200]
        assert links[1].endswith("/experiments/2")
        demo.send_signal(stop)
        assert demo.wait(30) == 0
    assert list(tmp_path.glob("holdout-demo-*")) == []


def test_the_experiments_of_the_demo_differ_in_the_loss_alone() -> None:
    plain, focal = SPECS
    assert {key for key in plain if plain[key] != focal[key]} == {"name", "loss"}
