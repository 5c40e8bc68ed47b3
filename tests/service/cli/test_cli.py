import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from service.cli.commands import app
from service.cli.console import show_errors, show_evaluation
from service.launcher import serving
from service.settings import Settings


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with serving(Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning")) as url:
        yield url


def run(*arguments: str, given: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_without_a_service_the_command_says_how_to_start_one() -> None:
    code, output = run("datasets", "--url", "http://127.0.0.1:1")
    assert code == 1
    assert output == (
        "No service answers at http://127.0.0.1:1. Start one with: make serve (or: holdout serve). "
        "If one runs elsewhere, set HOLDOUT_URL.\n"
    )


@pytest.mark.parametrize("wrong", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://[::1"])
def test_an_invalid_url_is_named(wrong: str) -> None:
    code, output = run("datasets", "--url", wrong)
    assert code == 1
    assert output.startswith(f"The request to the service at {wrong} failed: ")


def test_the_errors_of_a_refused_spec_are_printed(url: str) -> None:
    code, output = run("run", "-", "--url", url, given=json.dumps({"loss": "focl"}))
    assert code == 1
    assert "did you mean 'focal'" in output
    assert "Traceback" not in output


def test_a_valid_spec_is_resolved(url: str) -> None:
    code, output = run("validate", "-", "--url", url, given="{}")
    assert code == 0
    assert json.loads(output)["parameters"] == 9610


def test_an_experiment_that_does_not_exist_cannot_be_watched(url: str) -> None:
    assert run("watch", "12", "--url", url) == (1, "There is no experiment 12.\n")


def test_the_data_sets_are_listed(url: str) -> None:
    code, output = run("datasets", "--url", url)
    assert code == 0
    assert "breast_cancer" in output


def test_an_inspection_shows_the_columns_and_the_questions(url: str, tmp_path: Path) -> None:
    file = tmp_path / "birds.csv"
    file.write_text("species,length,note\nadelie,1.5,\ngentoo,2,small\nadelie,1,tall\n")
    code, output = run("inspect", str(file), "-F", "label=species", "--url", url)
    assert code == 0, output
    assert re.search(r"length +number +0.0% +3 +1 to 2", output)
    file.write_text("class,length\nadelie,1.5\ngentoo,2\n")
    code, output = run("inspect", str(file), "--url", url)
    assert code == 1
    assert "label: Column 'class' is named like a label" in output
    assert run("inspect", str(file), "-F", "label=class", "--url", url)[0] == 0
    assert run("inspect", str(file), "-F", "label", "--url", url)[0] == 2


def test_an_invalid_setting_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_PORT", "eighty")
    code, output = run("doctor")
    assert code == 1
    assert output.startswith("HOLDOUT_PORT: ")


class OtherService(http.server.BaseHTTPRequestHandler):
    """Another service, which has no experiments."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None: ...


def test_another_service_on_the_port_causes_no_traceback() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), OtherService) as server:
        threading.Thread(target=server.serve_forever).start()
        code, output = run("datasets", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert (code, output) == (1, "GET /datasets answered 404\n")


def test_the_first_token_says_that_it_closes_the_service(tmp_path: Path) -> None:
    closing = "from now on every request needs one"
    assert closing in run("token", "create", "first", "--data-dir", str(tmp_path))[1]
    assert closing not in run("token", "create", "second", "--data-dir", str(tmp_path))[1]


def test_a_missing_token_is_said_with_where_the_command_line_takes_it_from(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOLDOUT_TOKEN", raising=False)
    assert run("token", "create", "ann", "--data-dir", str(tmp_path))[0] == 0
    code, output = run("datasets", "--url", url)
    assert code == 1
    assert output.endswith("The command line takes the token from HOLDOUT_TOKEN.\n")


def test_a_demo_whose_request_is_refused_says_why(tmp_path: Path) -> None:
    assert run("token", "create", "somebody", "--data-dir", str(tmp_path))[0] == 0
    code, output = run("demo", "--data-dir", str(tmp_path))
    assert code == 1
    assert "token" in output
    assert "Traceback" not in output


ERRORS = {
    "runs": 3,
    "rows": 360,
    "wrong_once": 21,
    "wrong_in_most": 9,
    "wrong_in_all": 4,
    "items": [
        {
            "row": 77,
            "class": "8",
            "wrong": 3,
            "runs": 3,
            "score": 0.0123,
            "predicted": [{"class": "1", "runs": 2}, {"class": "[3]", "runs": 1}],
        },
        {
            "row": 5,
            "class": "9",
            "wrong": 1,
            "runs": 3,
            "score": None,
            "predicted": [{"class": "4", "runs": 1}],
        },
    ],
}


def test_the_hardest_rows_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_errors(ERRORS)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["77", "8", "1", "(2),", "[3]", "(1)", "3", "of", "3", "0.012"]
    assert lines[2] == ["5", "9", "4", "(1)", "1", "of", "3", "-"]
    assert " ".join(lines[3]).startswith("Of 360 rows, 21 are wrong at least once, 9 most times, and 4")


@pytest.mark.parametrize("command", ["errors", "predictions"])
def test_an_experiment_that_does_not_exist_has_no_row_level_results(url: str, command: str) -> None:
    assert run(command, "12", "--url", url) == (1, "There is no experiment 12.\n")


def test_experiments_are_compared_and_what_cannot_be_is_explained(url: str) -> None:
    assert run("compare", "11", "12", "--url", url) == (1, "There is no experiment 11.\n")
    for _ in range(2):
        httpx2.post(f"{url}/experiments", json={}).raise_for_status()
    code, output = run("compare", "1", "2", "--metric", "mcc", "--url", url)
    assert code == 0
    assert "No seed has succeeded in both experiment 1 and experiment 2." in output


def test_an_experiment_without_a_model_cannot_be_tested(url: str, tmp_path: Path) -> None:
    httpx2.post(f"{url}/experiments", json={}).raise_for_status()
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    code, output = run("predict", "1", str(tmp_path / "rows.csv"), "--url", url)
    assert (code, output.startswith("Seed 0 of experiment 1 is queued, so it has no model")) == (1, True)
    code, output = run("test", "1", "--url", url)
    assert code == 1
    assert output.startswith("Seed 0 of experiment 1 is queued, so it has no model")


def test_a_look_is_printed_with_its_bounds_and_earlier_uses(capsys: pytest.CaptureFixture[str]) -> None:
    use = {"kind": "exposed", "rows": 3, "experiment_id": 4, "owner": "me", "dataset": "iris", "look": None}
    show_evaluation(
        {
            "look": 2,
            "looks": 2,
            "experiment_id": 7,
            "dataset": "iris",
            "rows": 15,
            "accuracy": 0.9,
            "balanced_accuracy": None,
            "majority_accuracy": 1 / 3,
            "bounds": [{"low": 0.66, "high": 0.98, "valid": "if this was the only look"}],
            "classes": [{"class": "setosa", "support": 5, "accuracy": 1.0}],
            "exposed_rows": 3,
            "looked_at_rows": 15,
            "earlier_uses": [use, use | {"kind": "looked_at", "experiment_id": 5, "look": 1}],
        },
        asked=8,
    )
    assert capsys.readouterr().out.splitlines() == [
        "Experiment 8 has the models of experiment 7, so this is its look too.",
        "Experiment 7 on the 15 test rows of data set 'iris', look 2 of 2:",
        "  accuracy 0.900",
        "  majority accuracy 0.333",
        "  accuracy from 0.660 to 0.980 if this was the only look",
        "  setosa: 1.000 of 5 rows",
        "  3 of these rows have trained or validated an experiment before: 4",
        "  15 of these rows have tested one before: 5",
    ]
