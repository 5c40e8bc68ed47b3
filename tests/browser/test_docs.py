"""Swagger UI as a new user uses it: open /docs, choose an example, press Execute."""

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
    """An open page of the service, with its requests and its console errors."""

    page: Any
    url: str
    requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._record(message.type, message.text))
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _record(self, kind: str, text: str) -> None:
        if kind in ("warning", "error"):
            self.console_errors.append(text)

    def operation(self, tag: str, name: str) -> Any:
        """Open the block of an operation and its group, unless another test has."""
        group = self.page.locator(f"#operations-tag-{tag}")
        if group.get_attribute("data-is-open") == "false":
            group.click()
        block = self.page.locator(f"#operations-{tag}-{name}")
        if "is-open" not in block.get_attribute("class").split():
            block.locator(".opblock-summary").click()
        block.locator("button.execute").wait_for()
        return block

    def execute(self, block: Any) -> tuple[str, str]:
        """Press Execute. Returns the status and the body that the page shows, not those of an earlier press."""
        if (clear := block.locator("button.btn-clear")).count():
            clear.click()
            block.locator(".live-responses-table").wait_for(state="detached")
        block.locator("button.execute").click()
        live = block.locator(".live-responses-table .response")
        live.wait_for()
        body = live.locator(".response-col_description pre").first.inner_text()
        return live.locator(".response-col_status").inner_text().split()[0], body

    def requests_to_other_hosts(self) -> list[str]:
        """The URLs on other hosts that the page requested."""
        own = (f"{self.url}/", "data:", f"blob:{self.url}/")
        return [request for request in self.requests if not request.startswith(own)]


@pytest.fixture(scope="module")
def visit(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """One for all tests, because a browser takes seconds to draw the page."""
    folder = tmp_path_factory.mktemp("visited")
    settings = Settings(data_dir=folder, port=0, workers=0, log_level="warning")
    with serving(settings) as url:
        page = chromium.new_page()
        visit = Visit(page, url)
        page.goto(f"{url}/docs")
        page.locator(".opblock-tag").first.wait_for()
        yield visit
        page.close()


# The tests below run at the last width.
@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.thorough)])
def test_no_column_is_wider_than_the_page(visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    block = visit.operation("experiments", "submit_experiment")
    visit.execute(block)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    links = block.locator(".responses-table .response-col_links").all()
    places = [box for link in links if (box := link.bounding_box())]
    assert places
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in places)


def test_an_example_is_submitted_without_a_request_to_another_host(visit: Visit) -> None:
    block = visit.operation("experiments", "submit_experiment")
    block.locator("select.examples-select-element").first.select_option("focal")
    status, body = visit.execute(block)
    assert status == "202"
    assert json.loads(body)["name"] == "digits-focal"
    assert visit.requests_to_other_hosts() == []
    assert visit.console_errors == []


def test_a_file_is_uploaded_with_the_prefilled_form(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "flowers.csv"
    file.write_text("petal,species\n1.4,setosa\n1.3,setosa\n4.7,versicolor\n4.5,versicolor\n")
    block = visit.operation("data", "upload_dataset")
    block.locator("input[type=file]").first.set_input_files(file)
    status, body = visit.execute(block)
    assert status == "201", body
    assert json.loads(body)["name"] == "flowers"
    assert visit.console_errors == []


def test_a_preview_shows_its_picture(visit: Visit) -> None:
    block = visit.operation("data", "preview_dataset")
    block.locator("input").first.fill("digits")
    block.locator("button.execute").click()
    picture = block.locator(".live-responses-table img")
    picture.wait_for()
    width = picture.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width > 0
    assert visit.console_errors == []


def test_a_link_opens_its_operation_and_its_group_alone(visit: Visit) -> None:
    visit.page.goto("about:blank")
    visit.page.goto(f"{visit.url}/docs#/experiments/submit_experiment")
    opened = visit.page.locator(".opblock.is-open")
    opened.locator("button.execute").wait_for()
    assert opened.get_attribute("id") == "operations-experiments-submit_experiment"
    assert visit.page.locator(".opblock-tag[data-is-open=true]").count() == 1
