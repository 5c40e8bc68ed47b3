"""The form of a sweep: the request that it describes, the paths that it suggests, the form of an earlier sweep."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import create_model

from service.pages import forms
from service.pages.forms import SpecForm, UnusableText, cell, json_of, options_of, options_text, spec_of
from workers.sweeps.strategies import AnyAdaptive
from workers.tagged_union import names

FIELDS = 8
"""The most fields of the space that have a row of their own; `extra` takes any others."""
SHOWN = 3
RANGES = {
    "choices": "one of",
    "log": "from, to (log scale)",
    "uniform": "from, to",
    "integers": "whole numbers from, to",
}
"""Kinds of ranges, and what to enter for each."""
ROW = ("path", "range", "values", "levels")
PLACES = {"loss": "losses", "optimizer": "optimizers", "balancing": "balancing", "model": "models"}
PLACES |= {"class_weights": "class_weights", "scaling": "scaling"}
"""Fields of a spec that name a variant, and the list of these variants in the catalogue."""
OBJECTS = {"training": "training", "dataset.imbalance": "imbalance"}
"""Fields of a spec that hold the fields of one kind."""


NAMES = (
    *("preset", "strategy", "strategy_options", "candidates", "extra"),
    *(f"{name}_{number}" for number in range(FIELDS) for name in ROW),
)
FIELDS_OF_SWEEP: dict[str, Any] = dict.fromkeys(NAMES, (str, ""))
SweepForm = create_model("SweepForm", __base__=SpecForm, **FIELDS_OF_SWEEP)
"""The fields of the form of a sweep, as texts."""


def sweep_of(form: Mapping[str, str]) -> dict[str, Any]:
    """The request that a form describes: only what is filled in. Raises UnusableText."""
    spec = spec_of(form)
    request: dict[str, Any] = {"name": spec.pop("name")} if "name" in spec else {}
    request["spec"] = spec
    if form.get("preset"):
        request["preset"] = form["preset"]
    if space := {**_space(form), **_object("extra", form)}:
        request["space"] = space
    if strategy := form.get("strategy"):
        options = options_of("strategy", form.get("strategy_options", ""))
        request["strategy"] = {"name": strategy, **options} if options else strategy
    if form.get("candidates", "").strip():
        request["candidates"] = json_of("candidates", form["candidates"])
    return request


def form_of(sweep: Mapping[str, Any]) -> dict[str, str]:
    """The form that gives a sweep again. Ranges that need more than a row are in `extra`."""
    settings = dict(sweep["settings"])
    form = {**forms.form_of(sweep["spec"]), "name": sweep["name"]}
    form |= {"preset": sweep["preset"] or "", "strategy": settings.pop("name")}
    form["strategy_options"] = options_text("strategy", settings)
    space = sweep["space"] or {}
    plain = [
        path for path, given in space.items() if given.get("step", 1) == 1 and given.get("log") is not True
    ]
    for number, path in enumerate(plain[:FIELDS]):
        form |= _row(number, path, space[path])
    others = {path: given for path, given in space.items() if path not in plain[:FIELDS]}
    form["extra"] = json.dumps(others) if others else ""
    if form["strategy"] != "grid":
        drawn_again = form["strategy"] in names(AnyAdaptive)  # which are replaced by others
        form["candidates"] = str(sweep["candidates"] + (0 if drawn_again else sweep["repeated"]))
    return form


def rows_shown(form: Mapping[str, str]) -> int:
    """How many rows of fields a page shows: those that are filled, and two more."""
    filled = [number for number in range(FIELDS) if form.get(f"path_{number}", "").strip()]
    return min(FIELDS, max(SHOWN, max(filled, default=-1) + 3))


def suggested_paths(catalog: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Paths of fields that a space may have, from the catalogue."""
    paths = ["model.hidden"]
    for place, kind in PLACES.items():
        paths.append(place)
        paths += [f"{place}.{field['name']}" for variant in catalog[kind] for field in variant["fields"]]
    for place, kind in OBJECTS.items():
        paths += [f"{place}.{field['name']}" for variant in catalog[kind] for field in variant["fields"]]
    return sorted(dict.fromkeys(paths))


def split_values(text: str) -> list[Any]:
    """Values with commas between them; commas within brackets, braces and quotes separate nothing."""
    return [cell(each.strip()) for each in _parts(text) if each.strip()]


def _space(form: Mapping[str, str]) -> dict[str, Any]:
    space = {}
    for number in range(FIELDS):
        if path := form.get(f"path_{number}", "").strip():
            space[path] = _range(number, form)
    return space


def _range(number: int, form: Mapping[str, str]) -> Any:
    text, kind = form.get(f"values_{number}", ""), form.get(f"range_{number}") or "choices"
    values = split_values(text.replace(" to ", ", ") if kind != "choices" else text)
    if kind == "choices":
        return values
    given: dict[str, Any] = {kind: values}
    if form.get(f"levels_{number}", "").strip():
        given["levels"] = json_of("levels", form[f"levels_{number}"])
    return given


def _row(number: int, path: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the row of a range."""
    kind = next(each for each in ("choices", "uniform", "integers", "log") if each in given)
    levels = "" if given.get("levels") is None else str(given["levels"])
    cells = (path, kind, ", ".join(map(_text, given[kind])), levels)
    return {f"{name}_{number}": value for name, value in zip(ROW, cells, strict=True)}


def _text(value: Any) -> str:
    """A value so that `split_values` reads it again."""
    is_plain = isinstance(value, str) and split_values(value) == [value]
    return value if is_plain else json.dumps(value)


def _object(name: str, form: Mapping[str, str]) -> dict[str, Any]:
    given = json_of(name, form[name]) if form.get(name, "").strip() else {}
    if not isinstance(given, dict):
        raise UnusableText(name, "should be a JSON object")
    return given


def _parts(text: str) -> Iterator[str]:
    depth, begin, quoted = 0, 0, False
    for index, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in "[{") - (character in "]}")
            if character == "," and depth <= 0:
                yield text[begin:index]
                begin = index + 1
    yield text[begin:]
