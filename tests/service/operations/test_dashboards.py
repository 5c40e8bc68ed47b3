"""The dashboards that come with Holdout: each of their queries is sent, and the answer has what they show."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker

ROOT = Path(__file__).parents[3]
OBSERVABILITY = ROOT / "deploy" / "observability"
DASHBOARDS = sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json"))
EXAMPLES = ROOT / "docs" / "examples"
HOST = "http://holdout.internal:8000"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Datasette reads SQLite."""
    return sqlite_url


@pytest.fixture
def sweep(client: TestClient, fake_worker: FakeWorker) -> int:
    """A sweep whose first candidate has succeeded, and whose second one trains. Their experiments are 1 and 2."""
    spec = {"dataset": {"name": "synthetic", "counts": [900, 100], "features": 2}}
    body = {"spec": spec, "space": {"loss": ["focal", "cross_entropy"]}}
    id_: int = client.post("/sweeps", json=body).json()["id"]
    for status in ("succeeded", None):
        experiment, _ = fake_worker.claim()
        fake_worker.epoch(experiment, 1, CONFUSION)
        if status:
            fake_worker.save_rows(experiment, CONFUSION)
            fake_worker.finish(experiment, status)
    return id_


def panels(kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each panel with each of its targets that a data source of this kind answers."""
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                assert target["datasource"] == panel["datasource"]
                if panel["datasource"]["type"] == kind:
                    yield panel, target


def test_every_infinity_query_is_answered_with_the_columns_that_it_shows(
    client: TestClient, sweep: int
) -> None:
    sent = 0
    for panel, target in panels("yesoreyeram-infinity-datasource"):
        assert target["url"].startswith(HOST)
        path = target["url"].removeprefix(HOST)
        for name, value in (("experiment", 1), ("seed", 0), ("sweep", sweep)):
            path = path.replace(f"${{{name}}}", str(value))
        response = client.get(path)
        assert response.status_code == 200, (panel["title"], response.text)
        items = response.json()[target["root_selector"]]
        assert items, panel["title"]
        for column in target["columns"]:
            value = reduce(lambda each, key: each[key], column["selector"].split("."), items[0])
            expected: dict[str, Any] = {
                "number": (int, float),
                "boolean": bool,
                "string": str,
                "timestamp": str,
            }
            assert value is None or isinstance(value, expected[column["type"]]), (panel["title"], column)
        sent += 1
    assert sent >= 5


def test_every_metric_of_a_panel_and_of_an_alert_is_exported(client: TestClient, sweep: int) -> None:
    exported = client.get("/metrics").text
    alerts = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
    expressions = [target["expr"] for _, target in panels("prometheus")]
    expressions += [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    names = {name for each in expressions for name in re.findall(r"\bholdout_\w+", each)}
    assert len(names) > 8
    for name in names:
        assert f"\n{name.removesuffix('_bucket')}" in exported or f"TYPE {name} " in exported, name


def test_prometheus_accepts_the_configuration_and_every_expression(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("the Debian package prometheus is not installed")
    rules = [
        {"record": f"panel:{index}", "expr": target["expr"]}
        for index, (_, target) in enumerate(panels("prometheus"))
    ]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    shutil.copy(OBSERVABILITY / "alerts.yml", tmp_path)
    config = (OBSERVABILITY / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(config.replace("/etc/prometheus", str(tmp_path)))
    for arguments in (["rules", "panels.yml"], ["config", "prometheus.yml"]):
        checked = subprocess.run(
            ["promtool", "check", *arguments],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_profile_mounts_what_exists_and_provisions_what_panels_use() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = {
        name: each for name, each in compose["services"].items() if each.get("profiles") == ["observability"]
    }
    assert set(services) == {"prometheus", "grafana"}
    for service in services.values():
        for source, *_ in (volume.split(":") for volume in service["volumes"]):
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    aliases = compose["services"]["api"]["networks"]["default"]["aliases"]
    assert f"http://{aliases[0]}:8000" == HOST
    assert compose["services"]["api"]["environment"]["HOLDOUT_HOSTS"] == aliases[0]
    provisioned = (OBSERVABILITY / "grafana" / "provisioning" / "datasources" / "holdout.yml").read_text()
    known = {(each["type"], each["uid"]) for each in yaml.safe_load(provisioned)["datasources"]}
    used = {
        (panel["datasource"]["type"], panel["datasource"]["uid"])
        for kind, _ in known
        for panel, _ in panels(kind)
    }
    assert used == known


def test_the_vega_lite_spec_reads_fields_that_the_api_sends(client: TestClient, sweep: int) -> None:
    spec = json.loads((EXAMPLES / "curves.vl.json").read_text())
    address = spec["data"]["url"].removeprefix("http://127.0.0.1:8000")
    response = client.get(address)
    assert response.status_code == 200, response.text
    rows = list(csv.DictReader(io.StringIO(response.text)))
    fields = {each["field"] for each in spec["encoding"].values()} | set(spec["data"]["format"]["parse"])
    assert rows
    assert fields <= set(rows[0])


def test_every_query_of_datasette_runs(client: TestClient, database: Database, sweep: int) -> None:
    client.get("/experiments/1")
    described = yaml.safe_load((EXAMPLES / "datasette.yaml").read_text())["databases"]["holdout"]
    with database.read() as connection:
        tables = set(
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        )
        assert set(described["tables"]) <= tables
        found = {
            name: connection.execute(text(query["sql"]), dict.fromkeys(query.get("params", []), "1")).all()
            for name, query in described["queries"].items()
        }
    assert [row.id for row in found["ranking"]] == [1]
    assert [row.split for row in found["curve"]] == ["train", "validation"]
    assert found["failures"] == found["looks"] == []
