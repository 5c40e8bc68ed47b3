"""From a file to accuracies: curl uploads it, and an experiment trains on it."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import ServiceClient
from workers.data.registry import DatasetRegistry
from workers.data.sources import Bundled


@pytest.fixture
def irises(tmp_path: Path) -> Path:
    """The bundled irises as a CSV file, the label first."""
    dataset = DatasetRegistry(tmp_path).load(Bundled(name="iris"))
    with (tmp_path / "irises.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["species", *(f"x{column}" for column in range(4))])
        for label, features in zip(dataset.labels, dataset.features.tolist(), strict=True):
            rows.writerow([dataset.classes[label], *features])
    return tmp_path / "irises.csv"


def test_an_experiment_on_an_uploaded_table_gives_what_the_bundled_one_gives(
    service: ServiceClient, irises: Path
) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    form = ["-F", "name=irises", "-F", "format=csv", "-F", "label=species", "-F", f"file=@{irises}"]
    url = f"{service.http.base_url}/datasets"
    sent = subprocess.run([curl, "-sS", "-w", "%{http_code}", *form, url], capture_output=True, check=True)
    assert sent.stdout.endswith(b"201"), sent.stdout
    facts = {name: service.get(f"/datasets/{name}") for name in ("irises", "iris")}
    assert facts["irises"]["sha256"] == facts["iris"]["sha256"]
    summaries = []
    for name in facts:
        ended = service.finished(service.submit(dataset=name, training={"epochs": 30}))
        assert ended["spec"]["dataset"] == {"name": name, "sha256": facts[name]["sha256"], "imbalance": None}
        classes = service.get(f"/experiments/{ended['id']}/classes", split="validation")["items"]
        assert [each["class"] for each in classes] == ["setosa", "versicolor", "virginica"]
        summaries.append(ended["summary"]["metrics"])
    assert summaries[0] == summaries[1]
    assert service.http.delete("/datasets/irises").status_code == 409
