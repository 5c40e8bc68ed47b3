"""Writes docs/methods.md: every variant of every kind, from its declaration and its docstring.

Run: python -m tools.make_methods [--check]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workers.catalog import KINDS, Field, Variant, catalog

FILE = Path(__file__).parent.parent / "docs" / "methods.md"
INTRODUCTION = """\
# Methods

All losses, optimizers and other variants that a spec can name, with formula, use, source, and oracle: the
independent implementation that the tests compare with. N is the batch size, K the number of classes, z the logits
(N, K), p = softmax(z), Y the one-hot labels, y the label, n_k the number of rows of class k. Losses are per example;
training uses their (weighted) mean.

`make methods` writes this file from the docstrings. Change those, not this file.
"""
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
LARGEST_SHOWN = 2**53


def document() -> str:
    """The content of the file."""
    lines = (line for kind, variants in catalog().items() for line in _kind(kind, variants))
    return "\n".join([INTRODUCTION, *lines])


def main(arguments: list[str]) -> str | None:
    """Write the file, or with --check only compare it. Returns what is wrong, or None."""
    if "--check" not in arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(document())
    elif not FILE.exists() or FILE.read_text() != document():
        return f"{FILE.name} differs from the docstrings. To write it: make methods"
    return None


def _kind(kind: str, variants: list[Variant]) -> Iterator[str]:
    yield f"## {kind.replace('_', ' ').capitalize()}\n"
    for variant in variants:
        yield from _variant(variant)


def _variant(variant: Variant) -> Iterator[str]:
    yield f"### `{variant.name}`\n"
    yield f"```text\n{variant.description}\n```\n"
    parts = {"When to use it": variant.when, "Source": variant.source, "Oracle": variant.oracle}
    given = [f"- {name}: {text}" for name, text in parts.items() if text]
    yield from given
    if given:
        yield ""
    if variant.fields:
        yield "| field | default | takes |\n|---|---|---|"
        yield from map(_row, variant.fields)
        yield ""


def _row(field: Field) -> str:
    default = "required" if field.required else f"`{json.dumps(field.default)}`"
    values = _values(field.type, field.constraints) + ("; or null" if field.nullable else "")
    return f"| `{field.name}` | {default} | {values} |".replace("||", "\\|\\|")


def _values(type_: str, constraints: dict[str, Any]) -> str:
    """A type and its JSON Schema constraints in words, as far as variants use them."""
    if "const" in constraints or "enum" in constraints:
        return ", ".join(f"`{each}`" for each in constraints.get("enum", [constraints.get("const")]))
    if "anyOf" in constraints:
        return " or ".join(_values(each.get("type", ""), each) for each in constraints["anyOf"])
    if type_ == "array":
        least, most = constraints.get("minItems", 0), constraints.get("maxItems", "any number")
        items = constraints["items"]
        count = most if least == most else f"{least} to {most}"
        return f"{count} values, each: {_values(items.get('type', ''), items)}"
    if type_ in KINDS:
        return f"one of [{type_.replace('_', ' ')}](#{type_.replace('_', '-')})"
    bounds = [
        f"{word} {constraints[key]:g}" for key, word in BOUNDS.items() if _is_bound(constraints.get(key))
    ]
    pattern = [f"matching `{constraints['pattern']}`"] if "pattern" in constraints else []
    return ", ".join([type_, *bounds, *pattern])


def _is_bound(value: Any) -> bool:
    """Whether a bound is worth showing: one that only keeps a number within its machine type is not."""
    return value is not None and abs(value) < LARGEST_SHOWN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
