"""Forms as browsers send them: their fields, the spec that they describe, rows to predict."""

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from service.http.bodies import BodyTooLarge

MAX_BYTES = 1_000_000
VARIANTS = {"loss": "losses", "optimizer": "optimizers", "balancing": "balancing", "model": "models"}
"""Fields of a spec that name a variant, and the list of these variants in the catalogue."""
NUMBERS = {"epochs": "epochs", "batch_size": "batch_size"}


class UnusableText(ValueError):
    """A field of the form cannot be read."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(f"{name}: {message}")


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form without files, each once. Raises BodyTooLarge."""
    return dict(await read_fields(request))


async def read_fields(request: Request) -> list[tuple[str, str]]:
    """The fields of a form without files, in order; one may come several times. Raises BodyTooLarge."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise BodyTooLarge(MAX_BYTES)
    return parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True)


def spec_of(form: Mapping[str, str]) -> dict[str, Any]:
    """The spec that a form describes: only what is filled in. Raises UnusableText."""
    spec: dict[str, Any] = {
        name: form[name].strip() for name in ("name", "dataset") if form.get(name, "").strip()
    }
    if tags := _list(form.get("tags", "")):
        spec["tags"] = tags
    for name in VARIANTS:
        options = _options(name, form.get(f"{name}_options", ""))
        if form.get(name) or options:
            spec[name] = (
                {"name": form[name], **options} if options and form.get(name) else options or form[name]
            )
    training = {name: _json(name, form[name]) for name in NUMBERS if form.get(name, "").strip()}
    if training:
        spec["training"] = training
    if seeds := _list(form.get("seeds", "")):
        spec["seeds"] = [_json("seeds", each) for each in seeds]
    more = _json("more", form["more"]) if form.get("more", "").strip() else {}
    if not isinstance(more, dict):
        raise UnusableText("more", "should be a JSON object")
    return spec | more


def curl_of(spec: Mapping[str, Any], address: str) -> str:
    """The command that submits a spec."""
    body = shlex.quote(json.dumps(spec, ensure_ascii=False))
    return f"curl -s {shlex.quote(address)} -H 'Content-Type: application/json' \\\n  -d {body}"


def python_of(spec: Mapping[str, Any], address: str) -> str:
    """The Python that submits a spec."""
    return f"import httpx\n\nspec = {spec!r}\nprint(httpx.post({address!r}, json=spec).json())"


def rows_of(text: str) -> Any:
    """Rows to predict: JSON, or one row in each line with commas between its values. Raises UnusableText."""
    if text.lstrip().startswith(("[", "{")):
        return _json("rows", text)
    rows = [[_cell(cell.strip()) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    if not rows:
        raise UnusableText("rows", "is empty")
    return rows


def names_columns(text: str) -> bool:
    """Whether the first line of rows to predict names their columns: no cell of it is empty or a number."""
    first = text.lstrip().partition("\n")[0]
    cells = [cell.strip() for cell in first.replace(";", ",").replace("\t", ",").split(",")]
    return not first.startswith(("[", "{")) and all(cell and not _is_number(cell) for cell in cells)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cell(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _options(name: str, text: str) -> dict[str, Any]:
    """`gamma=2, alpha=0.5`, or a JSON object."""
    if text.strip().startswith("{"):
        options = _json(f"{name}_options", text)
        return options if isinstance(options, dict) else {}
    pairs = [each.partition("=") for each in text.replace("\n", ",").split(",") if each.strip()]
    return {key.strip(): _cell(value.strip()) for key, _, value in pairs}


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise UnusableText(name, f"{text[:60]!r} is not JSON") from None
