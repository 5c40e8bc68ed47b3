"""The pages as a person uses them: upload, build, follow, read, compare, cancel, and look at the test set once."""

import random
import re
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.launcher import serving
from service.settings import Settings
from service.store.credentials import tokens
from service.store.database import Database

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONGEST = 64 * "n"
"""The longest name of a data set."""
VIEWS = (
    "experiments",
    "experiments/1",
    "compare?ids=1,2",
    "new?like=1",
    "upload",
    "datasets",
    "datasets/digits",
    "datasets/iris",
    f"datasets/{LONGEST}",
    "experiments?sort=-balanced_accuracy&fields=mcc",
    "sweeps",
    "sweeps/1",
    "sweeps/new?preset=losses",
    "experiments/1/predict",
    "experiments/1/test",
    "experiments/1/shift",
    "monitors",
    "monitors/1",
    "monitors/1/batches/1",
    "sign-in",
)
MOST_VARIED = ("experiments", "experiments/1", "new?like=1", f"datasets/{LONGEST}")
"""Views that together have most of what others consist of: lists, forms, charts, tables and states."""
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.8, 2.7, 4.1, 1.0]]
EXPERIMENT = re.compile(r"/ui/experiments/([0-9]+)$")
LONG = 1200
"""Epochs of so few rows that they take some seconds."""
SWEPT = {"space": {"optimizer.learning_rate": [0.1, 0.001], "loss": ["cross_entropy", "focal"]}}
IN_SIGHT = "button, .button, input, select, h1, h2"
OF_CARDS = ", .cards td"
"""On phones, tables are cards: no column of theirs is out of sight."""
GENERATOR = random.Random(3)


def until(page: Any, expression: str, *, seconds: float = 60) -> None:
    """Wait until an expression is true. Playwright's own function would need eval, which the policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


class Visit:
    """One browser window: what its pages request, and what their console says."""

    def __init__(self, chromium: Any, url: str, **options: Any) -> None:
        self.url = url
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )

    def open(self, path: str) -> Any:
        """Open a page, and wait until its pictures are there."""
        self.page.goto(f"{self.url}/{path}")
        self.page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
        self.page.wait_for_load_state("load")
        until(self.page, "[...document.images].every(image => image.complete && image.naturalWidth)")
        return self.page

    def expect_refusals(self) -> None:
        """Forget what the console has said about forms with an error in them."""
        self.complaints = [each for each in self.complaints if "422" not in each]

    def close(self) -> None:
        """Close it, if nothing was asked of another host, and the console has no complaint."""
        self.context.close()
        assert self.complaints == []
        own = (f"{self.url}/", f"blob:{self.url}/", "data:")
        assert [each for each in self.requests if not each.startswith(own)] == []


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with two experiments that have succeeded, a sweep, a monitor and a report on corrupted rows."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, workers=1, log_level="warning")
    with serving(settings) as url:
        for loss in ("cross_entropy", "focal"):
            spec = {
                "name": loss,
                "dataset": "breast_cancer",
                "loss": loss,
                "training": {"epochs": 2},
                "seeds": [0, 1],
            }
            accepted = httpx2.post(f"{url}/experiments", json=spec, timeout=60).json()
            while (
                httpx2.get(f"{url}/experiments/{accepted['id']}?wait=20", timeout=60).json()["status"]
                != "succeeded"
            ):
                pass
        sweep = {"spec": {"dataset": "iris", "training": {"epochs": 2}, "seeds": [0, 1]}} | SWEPT
        path = f"{url}{httpx2.post(f'{url}/sweeps', json=sweep, timeout=60).json()['links']['self']}"
        until_true(lambda: httpx2.get(path, timeout=60).json()["status"] == "succeeded")
        watched = {"experiment_id": 3, "name": 100 * "g"}
        httpx2.post(f"{url}/monitors", json=watched, timeout=60).raise_for_status()
        moved = [[10 * value for value in row] for row in FLOWERS * 20]
        httpx2.post(f"{url}/monitors/1/batches", json={"rows": moved}, timeout=60).raise_for_status()
        long_names = f"{90 * 'a'},{90 * 'b'}\n" + f"1,{90 * 'y'}\n2,{90 * 'z'}\n" * 10
        form, files = {"name": LONGEST, "format": "csv"}, {"file": long_names.encode()}
        httpx2.post(f"{url}/datasets", data=form, files=files, timeout=60).raise_for_status()
        report = f"{url}/experiments/1/robustness"
        httpx2.post(report, timeout=60).raise_for_status()
        until_true(lambda: httpx2.get(report, timeout=60).json()["status"] == "succeeded")
        yield url


def until_true(is_true: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def visit(chromium: Any, service: str) -> Iterator[Visit]:
    visit = Visit(chromium, service)
    yield visit
    visit.close()


@pytest.fixture(scope="module")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="pip install 'holdout[test]'")
    return (resources.files(package) / "axe.min.js").read_text()


@pytest.mark.parametrize(
    ("width", "colours", "views"),
    [
        (360, "dark", MOST_VARIED),
        pytest.param(360, "dark", VIEWS, marks=pytest.mark.thorough),
        pytest.param(1280, "light", VIEWS, marks=pytest.mark.thorough),
        pytest.param(360, "light", VIEWS, marks=pytest.mark.thorough),
        pytest.param(1280, "dark", VIEWS, marks=pytest.mark.thorough),
    ],
)
def test_every_view_is_accessible_and_fits(
    chromium: Any, service: str, axe: str, width: int, colours: str, views: tuple[str, ...], tmp_path: Path
) -> None:
    visit = Visit(chromium, service, viewport={"width": width, "height": 900}, color_scheme=colours)
    for view in views:
        assert_accessible(visit.open(f"ui/{view}"), axe, width)
    page = visit.open("ui/upload")
    page.locator("input[type=file]").set_input_files(shop_visits(tmp_path))
    page.locator(".question").wait_for()
    assert_accessible(page, axe, width)
    visit.close()


def assert_accessible(page: Any, axe: str, width: int) -> None:
    """Nothing that axe finds, contrast included, and nothing that is wider than the window."""
    page.evaluate(axe)
    found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)["violations"]
    wrong = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]
    assert wrong == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    boxes = page.evaluate(
        f"[...document.querySelectorAll({IN_SIGHT + (OF_CARDS if width < 700 else '')!r})]"
        ".map(each => each.getBoundingClientRect()).filter(box => box.width && box.left > -999)"
        ".map(box => [box.left, box.right])"
    )
    assert all(left >= 0 and right <= width for left, right in boxes), (page.url, boxes)


@pytest.mark.timeout(400)
def test_a_person_walks_from_an_upload_to_the_test_set(visit: Visit, tmp_path: Path) -> None:
    """The whole way in one window. At its end, `visit` has no complaint of the console and no request elsewhere."""
    page = upload_shop_visits(visit, tmp_path)
    build_experiment(visit, page)
    experiment = follow_to_the_end(page)
    page.get_by_text("Table", exact=True).click()
    assert page.locator("section[aria-labelledby=classes] tbody tr").count() == 2
    other = submit_one_like_it(page, "cross_entropy", epochs=2)
    page.get_by_text("succeeded").first.wait_for(timeout=60_000)
    compare(visit, experiment, other)
    visit.open(f"ui/experiments/{experiment}")
    submit_one_like_it(page, "focal", epochs=10_000)
    until(page, "document.querySelector('[data-live=state] progress').value >= 2")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("cancelled").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Retry").wait_for(timeout=20_000)
    visit.open(f"ui/experiments/{experiment}")
    look_at_the_test_set(page)


def upload_shop_visits(visit: Visit, folder: Path) -> Any:
    """Upload a CSV with categories and gaps. One label is missing: the upload is refused until that is accepted."""
    file = shop_visits(folder)
    page = visit.open("ui/upload")
    page.locator("input[type=file]").set_input_files(file)
    page.locator("#questions").get_by_text("city").first.wait_for()
    assert page.locator("[name=name]").input_value() == "shop-visits"
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("alert").wait_for()
    visit.expect_refusals()
    assert page.locator("[name=name]").input_value() == "shop-visits"
    assert "=" not in page.locator("#questions .question").inner_text(), "a question names a field of the API"
    page.get_by_label("Leave it out").check()
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("heading", name="shop-visits").wait_for()
    return page


def build_experiment(visit: Visit, page: Any) -> None:
    """Fill in the form, correct what it says is wrong, and submit."""
    page.get_by_role("link", name="New experiment on it").click()
    page.locator("[name=name]").fill("bought")
    page.locator("[name=loss]").select_option("focal")
    page.locator("[name=loss_options]").fill("gama=1")
    page.get_by_text("did you mean").wait_for()
    page.locator("[name=loss_options]").fill("gamma=1")
    page.locator("[name=epochs]").fill(str(LONG))
    page.get_by_text("Valid.").wait_for()
    assert "gamma" in page.locator("pre").first.inner_text()
    assert "loss_options=gamma" in page.url
    visit.expect_refusals()
    page.get_by_role("button", name="Submit").click()


def follow_to_the_end(page: Any) -> int:
    """Watch the curve grow: the page renews its picture. The number of the experiment."""
    drawn: list[Any] = []
    page.on("response", lambda each: drawn.append(each) if "curves.svg" in each.url else None)
    page.wait_for_url(EXPERIMENT)
    page.get_by_role("heading", name="Curves").wait_for()
    until(page, "document.body.dataset.finished || !document.querySelector('[data-renewed-by]')", seconds=200)
    versions = {each.headers["etag"] for each in drawn if each.status == 200}
    assert len(versions) >= 3, "the curve was drawn at once, or not at all"
    page.reload()
    page.get_by_text("succeeded").first.wait_for()
    return number_of(page)


def submit_one_like_it(page: Any, loss: str, *, epochs: int) -> int:
    page.get_by_role("link", name="New like this").click()
    page.locator("[name=loss_options]").fill("")
    page.locator("[name=loss]").select_option(loss)
    page.locator("[name=epochs]").fill(str(epochs))
    page.get_by_text("Valid.").wait_for()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(EXPERIMENT)
    return number_of(page)


def compare(visit: Visit, *experiments: int) -> None:
    """Choose experiments in the list, and read how they differ."""
    page = visit.open("ui/experiments")
    for number in experiments:
        page.get_by_label(f"Choose experiment {number}", exact=True).check()
    page.get_by_role("button", name="Compare the chosen ones").click()
    page.get_by_role("heading", name="Comparison").wait_for()
    assert "bought" in page.locator(".remarks li").first.inner_text()
    assert page.locator(".chart img").count() == 4


def look_at_the_test_set(page: Any) -> None:
    """The browser asks for the confirmation before anything is sent."""
    page.get_by_role("link", name="Evaluate on the test set").click()
    page.get_by_role("button", name="Look at the test set").click()
    assert "/test" in page.url
    page.get_by_label(re.compile("This is the experiment")).check()
    page.get_by_role("button", name="Look at the test set").click()
    page.wait_for_url(re.compile(r"/ui/experiments/\d+#ledger"))
    (row,) = page.locator("section[aria-labelledby=ledger] tbody tr").all()
    assert re.search(r"\d\.\d{3} to \d\.\d{3}", row.inner_text()), "the accuracy has no interval"


def number_of(page: Any) -> int:
    found = EXPERIMENT.search(page.url)
    assert found
    return int(found[1])


def test_paper_is_white_and_has_no_buttons(visit: Visit) -> None:
    page = visit.open("ui/experiments/1")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(22, 25, 29)"
    assert not any(each.is_visible() for each in page.locator("button, .button, header").all())
    assert page.get_by_role("heading", name="Baselines").is_visible()


def test_two_experiments_are_compared_by_keyboard(visit: Visit) -> None:
    page = visit.open("ui/experiments?sort=id")
    for number in (1, 2):
        page.get_by_label(f"Choose experiment {number}", exact=True).focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Compare the chosen ones").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Comparison").wait_for()
    assert page.locator(".remarks li").count() >= 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_a_sweep_is_built_followed_and_its_best_are_compared(visit: Visit) -> None:
    page = visit.open("ui/sweeps/new?dataset=iris")
    page.locator("[name=path_0]").fill("loss")
    page.locator("[name=values_0]").fill("cross_entropy, focl")
    page.get_by_text("did you mean").wait_for()
    page.locator("[name=values_0]").fill("cross_entropy, focal")
    page.locator("[name=epochs]").fill("2")
    page.get_by_text("Valid. 2 candidates").wait_for()
    assert "values_0=cross_entropy" in page.url
    visit.expect_refusals()
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("heading", name="Recommended").wait_for(timeout=60_000)
    until(page, "document.body.dataset.finished")
    assert page.locator("section[aria-labelledby=board] tbody tr").count() == 2
    for box in page.locator("section[aria-labelledby=board] input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Compare the chosen ones").click()
    page.get_by_role("heading", name="Comparison").wait_for()


def test_the_pages_work_without_script(chromium: Any, service: str) -> None:
    visit = Visit(chromium, service, java_script_enabled=False)
    visit.page.goto(f"{service}/ui/new?dataset=iris")
    visit.page.get_by_label("Epochs").fill("1")
    visit.page.get_by_role("button", name="Check").click()
    visit.page.get_by_text("Valid.").wait_for()
    visit.page.go_back()
    visit.page.get_by_role("button", name="Submit").click()
    visit.page.get_by_role("heading", name="Curves").wait_for()
    visit.close()


def test_one_signs_in_once(chromium: Any, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning")
    with serving(settings) as url:
        database = Database(settings.url)
        with database.write() as connection:
            token = tokens.create(connection, "person", "submit")
        database.close()
        httpx2.post(f"{url}/experiments", json={}, headers={"Authorization": f"Bearer {token}"})
        visit = Visit(chromium, url)
        visit.page.goto(url)
        visit.page.get_by_label("Token").fill(token)
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.get_by_role("heading", name="Experiments").wait_for()
        page = visit.open("ui/experiments/1")
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Sign out person").click()
        page.get_by_label("Token").wait_for()
        visit.close()


def shop_visits(folder: Path) -> Path:
    """A file of 400 rows with gaps, one of which has no label."""
    rows = [_row(index) for index in range(400)]
    rows[1] = rows[1].replace(",no", ",")
    file = folder / "shop visits.csv"
    file.write_text("spend,age,city,bought\n" + "\n".join(rows) + "\n")
    return file


def _row(index: int) -> str:
    bought = index % 4 == 0
    spend = f"{GENERATOR.gauss(60 if bought else 30, 12):.2f}"
    city = GENERATOR.choice(["Bern", "Genf"] if bought else ["Basel", "Bern"])
    age = str(GENERATOR.randint(18, 80))
    cells = [cell if GENERATOR.random() < 0.9 else "" for cell in (spend, age, city)]
    return ",".join([*cells, "yes" if bought else "no"])
