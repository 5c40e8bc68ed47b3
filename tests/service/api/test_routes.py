"""The smaller resources: data sets, the catalogue, health, problems, and the pages."""

import re

import pytest
from fastapi.testclient import TestClient

from service.api.errors.problems import PROBLEM_TYPES
from service.operations import readiness
from service.routes.pages import PAGES
from service.settings import Settings
from service.store.database import Database
from service.store.tables import Base
from workers.catalog import KINDS as CATALOG_KINDS


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def test_data_sets_are_listed_with_rows_per_class(client: TestClient) -> None:
    items = {item["name"]: item for item in client.get("/datasets").json()["items"]}
    assert {"digits", "iris", "wine", "breast_cancer", "synthetic"} <= set(items)
    iris = items["iris"]
    assert iris["classes"] == [{"name": name, "rows": 50} for name in ("setosa", "versicolor", "virginica")]
    assert (iris["rows"], iris["features"], iris["shape"], iris["problem"]) == (150, 4, None, None)
    assert items["digits"]["shape"] == [8, 8, 1]
    assert client.get("/datasets/iris").json() == iris


def test_a_folder_that_cannot_be_read_is_listed_with_what_is_wrong(
    client: TestClient, settings: Settings
) -> None:
    (settings.data_dir / "datasets" / "half").mkdir(parents=True)
    listed = {item["name"]: item for item in client.get("/datasets").json()["items"]}["half"]
    assert "train-images" in listed.pop("problem")
    assert set(listed.values()) == {"half", None}
    response = client.get("/datasets/half")
    assert response.status_code == 409
    assert response.json()["type"] == "/problems/unusable-dataset"


def test_a_data_set_that_is_not_there_is_404_with_the_nearest_name(client: TestClient) -> None:
    response = client.get("/datasets/digts")
    assert response.status_code == 404
    assert "Did you mean 'digits'" in response.json()["detail"]


def test_the_catalogue_has_every_kind_with_fields_and_formulas(client: TestClient) -> None:
    catalog = client.get("/catalog").json()
    assert set(catalog) == {*CATALOG_KINDS, "selection_metrics"}
    focal = next(each for each in catalog["losses"] if each["name"] == "focal")
    assert "Lin et al. 2017" in focal["source"]
    gamma = next(each for each in focal["fields"] if each["name"] == "gamma")
    assert (gamma["default"], gamma["constraints"]) == (2.0, {"minimum": 0})


def test_what_the_catalogue_names_is_accepted(client: TestClient) -> None:
    catalog = client.get("/catalog").json()
    fields = {"losses": "loss", "optimizers": "optimizer", "balancing": "balancing", "scaling": "scaling"}
    fields |= {"models": "model", "predictions": "prediction"}
    of_numbers = {"quantile", "balanced_mse"}
    for kind, field in fields.items():
        for variant in catalog[kind]:
            data = "breast_cancer" if kind == "predictions" else "digits"  # thresholds need two classes
            data = "diabetes" if variant["name"] in of_numbers else data
            response = client.post("/experiments/validate", json={"dataset": data, field: variant["name"]})
            assert response.status_code == 200, response.text
            resolved = response.json()["spec"][field]["name"]
            assert resolved == variant["name"] or variant["name"] == "auto" != resolved


def test_health_says_which_database_runs(client: TestClient) -> None:
    client.get("/ready")
    health = client.get("/health").json()
    assert (health["status"], health["database"]) == ("ok", "sqlite")
    assert re.fullmatch(r"3\.\d+\.\d+", health["database_version"])


def test_ready_means_that_the_tables_are_there(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "CACHED_SECONDS", 0.0)
    assert client.get("/ready").json() == {"status": "ready"}
    Base.metadata.drop_all(database.engine)
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200


def test_the_type_of_every_problem_leads_to_its_meaning(client: TestClient) -> None:
    listed = client.get("/problems").json()["items"]
    assert {each["type"] for each in listed} == {kind.uri for kind in PROBLEM_TYPES.values()}
    for each in listed:
        assert client.get(each["type"]).json() == each
        assert each["meaning"]


def test_the_index_is_links_for_programs_and_the_page_of_experiments_for_browsers(client: TestClient) -> None:
    links = client.get("/").json()["links"]
    for link in links.values():
        assert client.get(link).status_code == 200
    browser = client.get(
        "/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, follow_redirects=False
    )
    assert (browser.status_code, browser.headers["location"]) == (303, "ui/experiments")
    assert browser.headers["vary"] == "Accept"


def test_swagger_ui_comes_from_here_alone_and_has_nothing_inline(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page.text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page.text))
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(files) >= 4
    for file in files:
        assert client.get(f"/{file}").status_code == 200, file


def test_the_pages_own_scripts_ask_no_host_outside() -> None:
    for file in PAGES.rglob("*.js"):
        assert not re.search(r"https?://", file.read_text()), file
