"""The sources that a spec's `dataset` can name. A new one is a file here, and a member of the union."""

from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args

from pydantic import Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from workers.data.sources.bundled import Bundled
from workers.data.sources.folder import NAME_PATTERN, Folder
from workers.data.sources.source import Contents, Sha256, Source
from workers.data.sources.synthetic import Synthetic
from workers.tagged_union import require_names

BUNDLED: tuple[str, ...] = get_args(Bundled.__annotations__["name"])
DEFAULT = "digits"


class BySource:
    """Annotates a union of sources: their names select bundled and synthetic sources; any other name is a folder.

    A bare string is the name; an object without a name means `digits`.
    """

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        tagged = tuple(Annotated[cls, Tag(cls.kind)] for cls in get_args(union))
        schema = handler.generate_schema(Annotated[Union[tagged], Discriminator(_kind)])  # noqa: UP007
        return core_schema.no_info_before_validator_function(_as_object, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        objects = handler(schema)
        require_names(objects, handler, default=DEFAULT)
        taken = [*BUNDLED, "synthetic"]
        folder = handler.resolve_ref_schema(objects["oneOf"][-1])
        folder["properties"]["name"]["not"] = {"enum": taken}
        text = {"type": "string", "pattern": NAME_PATTERN, "examples": [*taken, "mnist"]}
        return {"anyOf": [text, objects]}


def _as_object(given: Any) -> Any:
    if isinstance(given, str):
        return {"name": given}
    if isinstance(given, Mapping) and "name" not in given:
        return {"name": DEFAULT, **given}
    return given


def _kind(given: Any) -> str:
    name = given.get("name") if isinstance(given, Mapping) else getattr(given, "name", None)
    if name in BUNDLED:
        return Bundled.kind
    return Synthetic.kind if name == "synthetic" else Folder.kind


AnySource = Annotated[Bundled | Synthetic | Folder, BySource()]

__all__ = ["BUNDLED", "AnySource", "Bundled", "Contents", "Folder", "Sha256", "Source", "Synthetic"]
