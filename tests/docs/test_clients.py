"""docs/clients.md names the versions that the tests install and run."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE, CLIENTS = ROOT / "docs" / "clients.md", ROOT / "tests" / "clients"


def test_the_page_names_the_installed_versions() -> None:
    rows = re.findall(r"^\| ([\w-]+)[^|]* \| ([\w.]+) \|", PAGE.read_text(), re.MULTILINE)
    shown = dict(rows)
    lines = (CLIENTS / "requirements.txt").read_text().split()
    pinned = dict(line.split("==") for line in lines)
    pinned["openapi-generator"] = pinned["openapi-generator-cli"]
    pinned |= json.loads((CLIENTS / "package.json").read_text())["devDependencies"]
    run = ("openapi-python-client", "openapi-typescript", "openapi-fetch", "openapi-generator")
    assert {name: shown[name] for name in run} == {name: pinned[name] for name in run}


def test_the_lock_file_names_no_registry() -> None:
    assert "://" not in re.sub(r'"(url|funding)": "[^"]*"', "", (CLIENTS / "package-lock.json").read_text())
