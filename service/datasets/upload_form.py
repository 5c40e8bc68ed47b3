"""The form of an upload: its fields and files, what can be wrong with them, and its OpenAPI schema."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.http.forms import Form, InvalidField
from workers.data.formats import IDX, AnyFormat, Format
from workers.data.formats.table_format import joined_kinds
from workers.data.sources.folder import NAME_PATTERN
from workers.data.tables.options import joined_lists
from workers.tagged_union import members, names
from workers.tagged_union import name_of as name_of_variant
from workers.validation.messages import describe_error
from workers.validation.patterns import WORDS
from workers.validation.suggestions import did_you_mean

FORMAT: TypeAdapter[Format] = TypeAdapter(AnyFormat)
FORMATS: tuple[type[Format], ...] = members(AnyFormat)
OPTIONS = tuple({each.name: None for cls in FORMATS for each in fields(cls) if each.name != "name"})
FIELDS = ("name", "format", *OPTIONS)
PREFILLED = frozenset({"label"})
"""The options that /docs fills in from their examples; the others stay empty, as a plain table needs none."""
TAKEN_PATHS = frozenset({"inspect"})
"""What follows /datasets/ in another route's path: a data set of this name could not be told from it."""
JOINERS = {"accept": joined_lists, "drop": joined_lists, "kinds": joined_kinds}
FILES = tuple({part: None for cls in FORMATS for part in (*cls.required, *cls.optional)})


def name_of(form: Form) -> str:
    """The data set's name in a form. Raises InvalidField."""
    name = _required(form, "name")
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidField("name", name, f"should be {WORDS[NAME_PATTERN]}")
    if name in TAKEN_PATHS:
        raise InvalidField("name", name, f"/datasets/{name} is a path of its own; choose another name")
    return name


def format_name(form: Form) -> str | None:
    """The format that a form names, or that the names of its files show; None if the file itself has to show it.

    Raises InvalidField.
    """
    if given := form.fields.get("format"):
        known = names(AnyFormat)
        if given not in known:
            meant = did_you_mean(given[:100], known)
            raise InvalidField("format", given, f"{meant}it is one of {', '.join(known)}")
        return given
    chosen = form.files - form.empty
    if "file" in chosen:
        return None
    if chosen & {*IDX.required, *IDX.optional}:
        return name_of_variant(IDX)
    what = "is empty" if "file" in form.empty else "is missing"
    raise InvalidField("file", "", f"{what} (curl: -F name=NAME -F file=@FILE)")


def format_of(form: Form, given: str) -> Format:
    """The format of this name, with the options in a form. Raises InvalidField, also if the files are not its own."""
    options = {
        name: value
        for name, value in form.fields.items()
        if name not in ("name", "format") and value  # browsers send empty fields
    }
    try:
        wanted = FORMAT.validate_python({"name": given, **options})
    except ValidationError as error:
        [detail, *_] = error.errors(include_url=False)
        option = str(detail["loc"][-1])
        unknown = detail["type"] == "unexpected_keyword_argument"
        raise InvalidField(
            option, options[option], f"is not a field of {given}" if unknown else describe_error(detail)
        ) from None
    _require_files(form, wanted)
    return wanted


def _require_files(form: Form, wanted: Format) -> None:
    takes = ", ".join(wanted.required) + (
        f", and {', '.join(wanted.optional)} if any" if wanted.optional else ""
    )
    for part in wanted.required:
        if part not in form.files:
            raise InvalidField(part, "", f"is missing; {wanted.name} takes the files {takes}")
    chosen = form.files - form.empty
    for part in sorted(chosen - {*wanted.required, *wanted.optional}):
        raise InvalidField(part, "", f"is not a file of {wanted.name}, which takes {takes}")
    absent = sorted({*wanted.optional} - chosen)
    if absent and len(absent) < len(wanted.optional):
        raise InvalidField(absent[0], "", f"is missing; {', '.join(wanted.optional)} come together")


def _required(form: Form, name: str) -> str:
    if name not in form.fields:
        raise InvalidField(name, "", "is missing (curl: -F name=NAME -F file=@FILE)")
    return form.fields[name]


def form_schema() -> dict[str, Any]:
    """The schema of the form for the OpenAPI document."""
    texts = {
        "name": {"type": "string", "pattern": NAME_PATTERN, "examples": ["flowers"]},
        "format": {
            "type": "string",
            "enum": ["", *names(AnyFormat)],
            "description": "By default what the first bytes of the file show.",
        },
    }
    declared = [each["properties"] for each in FORMAT.json_schema()["$defs"].values()]
    options = {name: _option(name, [each[name] for each in declared if name in each]) for name in OPTIONS}
    file = {"type": "string", "format": "binary"}
    files = {part: {**file, "description": f"For {', '.join(_formats_with(part))}."} for part in FILES}
    return {"type": "object", "properties": texts | options | files, "required": ["name"]}


def _option(name: str, declared: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The schema of a field that some formats have, from its declarations in them."""
    takers = [
        cls_name for cls_name, cls in zip(names(AnyFormat), FORMATS, strict=True) if name in _names(cls)
    ]
    schema = next(each for option in declared for each in option["anyOf"] if each["type"] == "string")
    plain = {key: value for key, value in schema.items() if key in ("type", "enum")}
    described = next(each for each in (schema, *declared) if "description" in each)
    text, examples = f"For {', '.join(takers)}. {described['description']}", described["examples"]
    if name in PREFILLED:
        return plain | {"description": text, "examples": examples}
    # /docs fills in the first value of an enum, and "string" where there is neither an enum nor an example.
    empty = {"enum": ["", *plain["enum"]]} if "enum" in plain else {"examples": [""]}
    return plain | {"description": f"{text} Example: {examples[0]}"} | empty


def _names(cls: type[Format]) -> set[str]:
    return {each.name for each in fields(cls)}


def _formats_with(part: str) -> Iterator[str]:
    """Each format that takes a file, and whether it needs it."""
    for name, cls in zip(names(AnyFormat), FORMATS, strict=True):
        if part in (*cls.required, *cls.optional):
            yield f"{name}, {'if there is an official test part' if part in cls.optional else 'required'}"
