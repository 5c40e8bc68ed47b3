from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workers.data.imbalance import Imbalance
from workers.data.sources import BUNDLED, AnySource, Bundled, Folder, Source, Synthetic
from workers.tagged_union import members, name_of, names

SPEC: TypeAdapter[Source] = TypeAdapter(AnySource)


@pytest.mark.parametrize("cls", members(AnySource))
def test_a_bare_name_means_the_source_with_its_defaults(cls: type[Source]) -> None:
    source = SPEC.validate_python(name_of(cls))
    assert source == cls(name=name_of(cls))
    assert SPEC.validate_json(SPEC.dump_json(source)) == source
    assert SPEC.validate_python(source) is source


def test_names_decide_the_kind_of_source() -> None:
    assert names(AnySource) == ["digits", "synthetic", "mnist"]
    assert all(type(SPEC.validate_python(name)) is Bundled for name in BUNDLED)
    assert type(SPEC.validate_python("synthetic")) is Synthetic
    assert SPEC.validate_python("fashion-mnist_2.0") == Folder(name="fashion-mnist_2.0")


def test_without_a_name_the_source_is_digits() -> None:
    assert SPEC.validate_python({}) == Bundled(name="digits")
    imbalance = {"kind": "exponential", "ratio": 50}
    expected = Bundled(name="digits", imbalance=Imbalance(kind="exponential", ratio=50))
    assert SPEC.validate_python({"imbalance": imbalance}) == expected


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "",
        "../digits",
        "a/b",
        "/etc",
        ".hidden",
        "a\\b",
        "Digits",
        "a\0b",
        "a\n",
        "x" * 65,
        5,
        None,
        [],
    ],
)
def test_a_name_cannot_refer_outside_the_folder_of_data_sets(name: Any) -> None:
    with pytest.raises(ValidationError):
        SPEC.validate_python({"name": name})


@pytest.mark.parametrize("name", ["digits", "synthetic", "mnist"])
@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("classes", 3, ("classes",)),
        ("sha256", "abc", ("sha256",)),
        ("imbalance", {"kind": "step", "ratio": 0}, ("imbalance", "ratio")),
        ("imbalance", {"ratio": 2, "seed": 1}, ("imbalance", "seed")),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(
    name: str, key: str, value: object, path: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        SPEC.validate_python({"name": name, key: value})
    assert [error["loc"][1:] for error in refused.value.errors()] == [path]


def test_the_schema_names_every_source() -> None:
    schema = SPEC.json_schema()
    assert {"Bundled", "Synthetic", "Folder", "Imbalance"} <= set(schema["$defs"])
    bare, objects = schema["anyOf"]
    assert bare["type"] == "string"
    assert len(objects["oneOf"]) == len(members(AnySource))
