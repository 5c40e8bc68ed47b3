"""One class name stands for one thing. Only a table and a response may be called like what they store or show."""

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PUBLIC_CLASS = re.compile(r"^class ([A-Z]\w*)", re.MULTILINE)
TABLES, SCHEMAS = "service/store/tables.py", "service/schemas/"
CLIENT = "service/client/"
"""What a program holds has the names of the responses: `Dataset`, `Comparison`."""


def classes() -> dict[str, list[str]]:
    """The files of each public class of the service and the workers, by the name of the class."""
    files: dict[str, list[str]] = defaultdict(list)
    for folder in ("service", "workers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in PUBLIC_CLASS.findall(path.read_text()):
                files[name].append(path.relative_to(ROOT).as_posix())
    return files


def test_no_two_classes_share_a_name() -> None:
    of_tables = {file for files in classes().values() for file in files if file == TABLES}
    assert of_tables, "the tables have moved"
    code = {
        name: [file for file in files if file != TABLES and not file.startswith((SCHEMAS, CLIENT))]
        for name, files in classes().items()
    }
    schemas = {
        name: [file for file in files if file.startswith(SCHEMAS)] for name, files in classes().items()
    }
    assert {name: files for name, files in (*code.items(), *schemas.items()) if len(files) > 1} == {}
