"""docs/python-client.md: its code, run in order against a service, prints what the page shows."""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.client import Client, Comparison, Experiment, Leaderboard, Sweep
from service.launcher import serving
from service.settings import Settings
from tests.documented_output import text_difference
from tools.doc_commands import BLOCK

PAGE = (Path(__file__).parents[2] / "docs" / "python-client.md").read_text()
KINDS: dict[str, type[Any]] = {
    "client": Client,
    "comparison": Comparison,
    "experiment": Experiment,
    "leaderboard": Leaderboard,
    "sweep": Sweep,
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The names that the code has defined; `shown`: the output on the page and the printed one of each block."""
    folder = tmp_path_factory.mktemp("client")
    settings = Settings(data_dir=folder / "data", port=0, workers=2, log_level="warning")
    found = BLOCK.findall(PAGE)
    names: dict[str, Any] = {"shown": []}
    with serving(settings) as url, pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setenv("HOLDOUT_URL", url)
        for (language, content), (following, shown) in zip(found, [*found[1:], ("", "")], strict=True):
            if language == "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                    exec(compile(ast.parse(content), "page", "exec"), names)
                names["shown"].append((shown if following == "text" else "", printed.getvalue()))
        names["files"] = sorted(path.name for path in folder.iterdir())
        yield names
        names["client"].close()


def test_the_code_prints_what_the_page_shows(executed: dict[str, Any]) -> None:
    assert sum(bool(shown) for shown, _ in executed["shown"]) >= 9
    for shown, printed in executed["shown"]:
        assert text_difference(shown, printed) == "", printed
    assert {"classes.svg", "experiment-1.zip"} <= set(executed["files"])


def test_every_object_shows_itself_in_jupyter(executed: dict[str, Any]) -> None:
    shown = {
        name: executed[name]._repr_html_()
        for name in ("experiment", "comparison", "sweep", "leaderboard", "dataset", "inspection", "metrics")
    }
    assert all("<table>" in each for each in shown.values())
    assert "data:image/svg+xml;base64," in shown["experiment"]
    assert "data:image/svg+xml;base64," in shown["comparison"]
    assert "font-weight: bold" in shown["leaderboard"]
    assert "4/4 candidates, succeeded" in shown["sweep"]
    assert "data:image/svg+xml;base64," in shown["sweep"]
    assert executed["sweep"].chart("parallel").svg.startswith("<svg")
    assert "<img" in executed["client"].dataset("digits")._repr_html_()
    assert executed["experiment"].chart("confusion")._repr_svg_().startswith("<svg")


def test_what_the_page_names_exists() -> None:
    methods = set(re.findall(r"`(experiment|sweep|client|leaderboard|comparison)\.(\w+)", PAGE))
    assert [pair for pair in methods if not hasattr(KINDS[pair[0]], pair[1]) and pair[1] != "data"] == []
