"""Swagger UI as somebody new to it meets it: open /docs, choose an example, press Execute."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.launcher import serving
from service.settings import Settings


@dataclass
class Visit:
    """A page of the service, and what it asked for and complained of."""

    page: Any
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("warning", "error"):
            self.complaints.append(text)

    def operation(self, tag: str, name: str) -> Any:
        """Its block, opened."""
        block = self.page.locator(f"#operations-{tag}-{name}")
        block.locator(".opblock-summary").click()
        block.locator("button.execute").wait_for()
        return block

    def execute(self, block: Any) -> tuple[str, str]:
        """The status and body that the page shows after a press of the button."""
        block.locator("button.execute").click()
        live = block.locator(".live-responses-table .response")
        live.wait_for()
        body = live.locator(".response-col_description pre").first.inner_text()
        return live.locator(".response-col_status").inner_text().split()[0], body

    def elsewhere(self) -> list[str]:
        """What was asked of other hosts."""
        own = (f"{self.url}/", "data:", f"blob:{self.url}/")
        return [request for request in self.requests if not request.startswith(own)]


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Iterator[Visit]:
    settings = Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning")
    with serving(settings) as url:
        page = chromium.new_page()
        visit = Visit(page, url)
        page.goto(f"{url}/docs")
        page.locator(".opblock").first.wait_for()
        yield visit
        page.close()


def test_an_example_is_submitted_without_a_word_to_another_host(visit: Visit) -> None:
    block = visit.operation("experiments", "submit_experiment")
    block.locator("select.examples-select-element").first.select_option("focal")
    status, body = visit.execute(block)
    assert status == "202"
    assert json.loads(body)["name"] == "digits-focal"
    assert visit.elsewhere() == []
    assert visit.complaints == []


def test_a_file_is_uploaded_by_the_form_as_it_stands(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "flowers.csv"
    file.write_text("petal,species\n1.4,setosa\n1.3,setosa\n4.7,versicolor\n4.5,versicolor\n")
    block = visit.operation("data", "upload_dataset")
    block.locator("input[type=file]").first.set_input_files(file)
    status, body = visit.execute(block)
    assert status == "201", body
    assert json.loads(body)["name"] == "flowers"
    assert visit.complaints == []


def test_a_preview_shows_its_picture(visit: Visit) -> None:
    block = visit.operation("data", "preview_dataset")
    block.locator("input").first.fill("digits")
    block.locator("button.execute").click()
    picture = block.locator(".live-responses-table img")
    picture.wait_for()
    width = picture.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 0
    assert visit.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_no_column_runs_off_the_page(visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    block = visit.operation("experiments", "submit_experiment")
    visit.execute(block)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    links = block.locator(".responses-table .response-col_links").all()
    places = [box for link in links if (box := link.bounding_box())]
    assert places
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in places)
