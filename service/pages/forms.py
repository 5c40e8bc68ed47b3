"""Forms as browsers send them: their fields, the spec that they describe, rows to predict."""

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from service.http.bodies import BodyTooLarge

MAX_BYTES = 1_000_000
VARIANTS = {"loss": "losses", "optimizer": "optimizers", "balancing": "balancing", "model": "models"}
"""Fields of a spec that name a variant, and the list of these variants in the catalogue."""
NUMBERS = ("epochs", "batch_size")
"""Fields of the training that the form has."""


class SpecForm(BaseModel):
    """The fields of the form of a spec, as texts. Empty ones have the default of the spec."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    tags: str = ""
    dataset: str = ""
    loss: str = ""
    loss_options: str = ""
    optimizer: str = ""
    optimizer_options: str = ""
    balancing: str = ""
    balancing_options: str = ""
    model: str = ""
    model_options: str = ""
    epochs: str = ""
    batch_size: str = ""
    seeds: str = ""
    more: str = ""


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
        options = options_of(name, form.get(f"{name}_options", ""))
        if form.get(name) or options:
            spec[name] = (
                {"name": form[name], **options} if options and form.get(name) else options or form[name]
            )
    training = {name: json_of(name, form[name]) for name in NUMBERS if form.get(name, "").strip()}
    if training:
        spec["training"] = training
    if seeds := _list(form.get("seeds", "")):
        spec["seeds"] = [json_of("seeds", each) for each in seeds]
    more = json_of("more", form["more"]) if form.get("more", "").strip() else {}
    if not isinstance(more, dict):
        raise UnusableText("more", "should be a JSON object")
    return _merged(spec, more)


def _merged(spec: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Both together. Of a data set and of the training, the fields of the form count."""
    merged = {**spec, **more}
    if "training" in spec and isinstance(more.get("training"), dict):
        merged["training"] = more["training"] | spec["training"]
    if "dataset" in spec and isinstance(dataset := more.get("dataset"), dict):
        pinned = () if dataset.get("name") == spec["dataset"] else ("sha256",)
        kept = {name: value for name, value in dataset.items() if name not in pinned}
        merged["dataset"] = {**kept, "name": spec["dataset"]}
    return merged


def form_of(resolved: Mapping[str, Any]) -> dict[str, str]:
    """The form that gives a resolved spec again. All that has no field of its own is in `more`."""
    spec = dict(resolved)
    form = {"name": spec.pop("name"), "tags": ", ".join(spec.pop("tags")), "dataset": spec["dataset"]["name"]}
    form["seeds"] = ", ".join(map(str, spec.pop("seeds")))
    training = dict(spec.pop("training"))
    form |= {name: str(training.pop(name)) for name in NUMBERS}
    for name in VARIANTS:
        chosen = dict(spec.pop(name))
        form[name] = chosen.pop("name")
        form[f"{name}_options"] = options_text(name, chosen)
    return {**form, "more": json.dumps({**spec, "training": training})}


def edit_of(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form changes of an experiment: the fields that it has."""
    changed: dict[str, Any] = {name: form[name].strip() for name in ("name", "note") if name in form}
    if "tags" in form:
        changed["tags"] = list(dict.fromkeys(_list(form["tags"])))
    return changed


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
        return json_of("rows", text)
    rows = [[cell(each.strip()) for each in line.split(",")] for line in text.splitlines() if line.strip()]
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


def cell(text: str) -> Any:
    """A value of a text field: JSON if it is, else the text; None if it is empty."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def options_of(name: str, text: str) -> dict[str, Any]:
    """`gamma=2, alpha=0.5`, or a JSON object."""
    if text.strip().startswith("{"):
        options = json_of(f"{name}_options", text)
        return options if isinstance(options, dict) else {}
    pairs = [each.partition("=") for each in text.replace("\n", ",").split(",") if each.strip()]
    return {key.strip(): cell(value.strip()) for key, _, value in pairs}


def options_text(name: str, options: Mapping[str, Any]) -> str:
    """The inverse of `options_of`: as pairs if they say the same, else as JSON."""
    pairs = ", ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.items()
    )
    return pairs if options_of(name, pairs) == options else json.dumps(options)


def json_of(name: str, text: str) -> Any:
    """The JSON in a field. Raises UnusableText."""
    try:
        return json.loads(text)
    except ValueError:
        raise UnusableText(name, f"{text[:60]!r} is not JSON") from None
