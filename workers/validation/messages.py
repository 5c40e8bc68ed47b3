"""Words pydantic's errors in the terms of JSON (a list, an object, null): pydantic names the types of Python."""

from collections.abc import Mapping
from typing import Any

from workers.validation.patterns import WORDS

SHOULD_BE = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type", "dict_type"), "an object"),
    **dict.fromkeys(("mapping_type", "arguments_type", "dataclass_exact_type"), "an object"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "int_parsing_size": "a whole number with fewer digits",
    "finite_number": "a finite number",
    "string_type": "a string",
    "string_unicode": "a string of valid Unicode: it has half of a surrogate pair",
    "none_required": "null",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "greater than or equal to {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "less than or equal to {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}
"""What the value should be, by the type of pydantic's error."""

SENTENCES = {
    **dict.fromkeys(("missing", "missing_argument", "missing_keyword_only_argument"), "is required"),
    **dict.fromkeys(("extra_forbidden", "unexpected_keyword_argument"), "unknown field"),
    "invalid_key": "the keys of an object are strings",
    "string_pattern_mismatch": "should match the pattern {pattern}",
    "too_short": "should have at least {min_length} {items}, not {actual_length}",
    "too_long": "should have at most {max_length} {items}",
    "string_too_short": "should have at least {min_length} {characters}",
    "string_too_long": "should have at most {max_length} {characters}",
    "value_error": "{error}",
    "recursion_loop": "contains itself",
}
"""The whole sentence, by the type of pydantic's error, if it does not start with "should be"."""


def describe_error(detail: Mapping[str, Any]) -> str:
    """Describe one entry of `ValidationError.errors()` in a sentence without its subject."""
    template = SENTENCES.get(detail["type"])
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"] in WORDS:
        return f"should be {WORDS[detail['ctx']['pattern']]}"
    if template is None and detail["type"] in SHOULD_BE:
        template = f"should be {SHOULD_BE[detail['type']]}"
    if template is None:
        return _lowered(detail["msg"].removeprefix("Input "))
    return _lowered(template.format_map(_words(detail.get("ctx", {}))))


def _words(context: Mapping[str, Any]) -> dict[str, str]:
    words = {name: _text(value) for name, value in context.items()}
    count = context.get("min_length", context.get("max_length"))
    words["items"], words["characters"] = (
        ("items", "characters") if str(count) != "1" else ("item", "character")
    )
    return words


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
