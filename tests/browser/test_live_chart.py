"""The example page in docs/examples draws an experiment while it trains, from another origin."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.launcher import serving
from service.settings import Settings
from service.store.credentials import tokens
from service.store.database import Database
from tests.slow_runs import long_spec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
EPOCHS = 12


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing: the tests read the console of the browser."""


@pytest.fixture
def site() -> Iterator[str]:
    """The origin of another server on this machine, which serves the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(EXAMPLES)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def console(chromium: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of the browser, and its console messages."""
    page, messages = chromium.new_page(), []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    yield page, messages
    page.close()


def points(page: Any) -> int:
    return sum(
        len(line.get_attribute("points").split(",")) // 2 for line in page.locator("#chart polyline").all()
    )


@pytest.mark.parametrize("with_token", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_the_chart_grows_and_the_console_stays_clean(
    site: str, console: tuple[Any, list[str]], tmp_path: Path, *, with_token: bool
) -> None:
    page, messages = console
    settings = Settings(data_dir=tmp_path, port=0, workers=1, log_level="warning", cors_origins=(site,))
    with serving(settings) as url:
        token = _token(settings) if with_token else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # It lasts longer than a browser needs to open the page.
        spec = long_spec(epochs=EPOCHS) | {"seeds": [0, 1]}
        accepted = httpx2.post(f"{url}/experiments", json=spec, headers=headers).json()
        page.goto(
            f"{site}/live-chart.html?service={url}&id={accepted['id']}" + (f"&token={token}" if token else "")
        )
        seen = set()
        while page.locator("#phase").inner_text() != "finished":
            assert messages == []
            seen.add(points(page))
            page.wait_for_timeout(100)
        assert points(page) == 2 * EPOCHS
        assert len(seen) > 2, "the chart was drawn at once, or not at all"
        assert page.locator("#chart polyline").count() == 2
        assert messages == []


def test_the_log_names_an_origin_that_is_not_allowed(
    site: str, console: tuple[Any, list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page, messages = console
    with serving(Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning")) as url:
        page.goto(f"{site}/live-chart.html?service={url}&token=x")
        page.wait_for_timeout(500)
    assert any("CORS" in each for each in messages)
    assert f"'{site}', is not allowed to use this service" in caplog.text
    assert "HOLDOUT_CORS_ORIGINS" in caplog.text


def _token(settings: Settings) -> str:
    database = Database(settings.url)
    with database.write() as connection:
        token = tokens.create(connection, "dashboard", "submit")
    database.close()
    return token
