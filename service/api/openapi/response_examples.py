"""The example responses in the OpenAPI document: shortened responses to the commands of docs/api.md.

`make examples` writes response_examples.json; the tests check each example against the schema of its response.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("response_examples.json")


def add(operations: Mapping[str, dict[str, Any]]) -> None:
    """Add the examples to the operations of a document, which are given by operationId."""
    for name, examples in json.loads(FILE.read_text()).items():
        for status, shapes in examples.items():
            for media_type, example in shapes.items():
                content = operations[name]["responses"][status]["content"]
                content.setdefault(media_type, {})["example"] = example
