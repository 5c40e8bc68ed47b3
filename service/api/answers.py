"""Examples of answers for the OpenAPI document: what the commands of docs/api.md were answered, shortened.

`make answers` runs them and writes answers.json; the tests hold each against the schema that it is an example of.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("answers.json")


def add(operations: Mapping[str, dict[str, Any]]) -> None:
    """Add the examples to the operations of a document, which are given by their names."""
    for name, examples in json.loads(FILE.read_text()).items():
        for status, shapes in examples.items():
            for media_type, example in shapes.items():
                content = operations[name]["responses"][status]["content"]
                content.setdefault(media_type, {})["example"] = example
