import copy
import json
from pathlib import Path

import pytest

from tools import make_openapi
from tools.openapi_diff import breaking


def test_nothing_breaks_clients_of_the_committed_document() -> None:
    broken = breaking(make_openapi.committed(), make_openapi.document())
    assert not broken, "breaking changes; if they are intended, make openapi:\n" + "\n".join(broken)


def test_the_committed_document_is_that_of_the_routes() -> None:
    assert make_openapi.main(["--check"]) is None


@pytest.mark.thorough
def test_the_check_tells_an_addition_from_a_breaking_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "openapi.json"
    monkeypatch.setattr(make_openapi, "FILE", file)
    older = copy.deepcopy(make_openapi.document())
    del older["paths"]["/epochs"]
    file.write_text(json.dumps(older))
    assert "No change is breaking" in str(make_openapi.main(["--check"]))
    older["paths"]["/colours"] = {}
    file.write_text(json.dumps(older))
    assert "/colours: removed" in str(make_openapi.main(["--check"]))


@pytest.mark.thorough
def test_what_is_written_passes_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_openapi, "FILE", tmp_path / "openapi.json")
    assert make_openapi.main([]) is None
    assert make_openapi.main(["--check"]) is None
