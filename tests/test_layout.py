"""Files stay small enough to be read at one go."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
FOLDERS = ("service", "workers", "tests", "benchmarks", "tools")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_300_lines(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    lines = {path: path.read_text().count("\n") for path in files}
    too_long = {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > MOST_LINES}
    assert too_long == {}, "one job a file: split it"
