"""The commands of monitors, one after the other."""

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from service.cli.commands import app as commands
from tests.service.experiments.test_named_rows import Trained, as_csv
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(commands, ["monitor", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.mark.usefixtures("in_process")
def test_a_monitor_is_created_fed_shown_listed_and_deleted(
    app: FastAPI, client: TestClient, fake_worker: FakeWorker, tmp_path: Path
) -> None:
    trained = Trained(app, client, fake_worker)
    wanted = ("create", trained.id, "line", "--detector=outputs", "--detector=features")
    code, output = run(*wanted)
    assert (code, f"(line) of experiment {trained.id} is quiet, and waits" in output) == (0, True)
    number = json.loads(run(*wanted, "--json")[1])["id"]
    strange = mixed_table(60, seed=2)
    strange.features[:, 0] *= 1000
    for name, table in (("day1", mixed_table(60, seed=1)), ("day2", strange)):
        (tmp_path / f"{name}.csv").write_bytes(as_csv(table))
    code, output = run("add", number, tmp_path / "day1.csv", "--label=bought")
    assert (code, output.splitlines()[0]) == (0, "Batch 1 of 60 rows raises no alarm.")
    code, output = run("add", number, tmp_path / "day2.csv", "--name=tuesday")
    assert (code, output.startswith("Batch 2 of 60 rows raises an alarm, against the valid")) == (1, True)
    assert "age" in output
    code, output = run("show", number)
    assert (code, "raised an alarm at batch 2, after 2 batches" in output) == (0, True)
    assert [line.split()[:2] for line in output.splitlines()[3:]] == [["2", "tuesday"], ["1", "day1.csv"]]
    code, output = run("list", "--json")
    assert (code, json.loads(output)["items"][0]["status"]) == (0, "alarm")
    assert "line" in run("list", f"--experiment={trained.id}")[1]
    assert run("delete", number) == (0, "")
    code, output = run("show", number)
    assert (code, output) == (1, f"There is no monitor {number}.\n")
