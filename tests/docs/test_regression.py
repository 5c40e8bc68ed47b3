"""docs/regression.md: its commands succeed, and show that outliers move the mean and not the median."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx2
import numpy as np
import pytest

from service.launcher import serving
from service.settings import Settings
from tools.doc_commands import Command, Response, commands, run, wait_until_idle
from workers.nn.losses.regression import RegressionLoss

PAGE = (Path(__file__).parents[2] / "docs" / "regression.md").read_text()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Command, Response]]]:
    if not shutil.which("curl"):
        pytest.skip("the commands need curl")
    folder = tmp_path_factory.mktemp("shell")
    settings = Settings(data_dir=folder / "data", port=0, workers=1, log_level="warning")
    with serving(settings) as url, httpx2.Client(base_url=url) as http:
        found = []
        for command in commands(PAGE):
            wait_until_idle(http)
            found.append((command, run(command, url, folder)))
        with (folder / "prices.csv").open() as file:
            prices = [float(row["price"]) for row in csv.DictReader(file)]
        PRICES[:] = prices
        yield found


PRICES: list[float] = []


def test_the_commands_succeed_and_print_the_fields_that_the_page_shows(
    executed: list[tuple[Command, Response]],
) -> None:
    for command, response in executed:
        assert response.status < 400, (command.text, response.body)
        fields = re.findall(r'"\w+":', command.shown)
        body = response.body.decode().replace('": ', '":')
        assert [field for field in fields if field not in body] == [], command.text


def test_with_outliers_l2_finds_the_mean_and_l1_the_median(
    executed: list[tuple[Command, Response]],
) -> None:
    predicted = [_value(response) for command, response in executed if command.path.endswith("/predict")]
    assert len(PRICES) == 400
    assert predicted[0] == pytest.approx(np.mean(PRICES), abs=6)  # of the training rows, not all
    assert predicted[1] == pytest.approx(np.median(PRICES), abs=2)
    warned = [
        json.loads(response.body)["warnings"]
        for command, response in executed
        if command.path.endswith("/experiments")  # not by its status: a run may have begun before the answer
    ]
    assert "outliers_pull_the_mean" in [each["code"] for each in warned[0]]
    assert "outliers_pull_the_mean" not in [each["code"] for each in warned[1]]


@pytest.mark.parametrize("loss", get_args(RegressionLoss))
def test_every_loss_has_a_row_that_says_when_to_use_it(loss: Any) -> None:
    assert re.search(rf"^\| `{loss.name}`", PAGE, re.MULTILINE)


def _value(response: Response) -> float:
    (item,) = json.loads(response.body)["items"]
    return float(item["value"])
