"""Which corruptions a report measures, as a spec or a request chooses them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from workers.corruptions.images import IMAGE_CORRUPTIONS
from workers.corruptions.tables import TABLE_CORRUPTIONS
from workers.tagged_union import variant
from workers.validation.errors import FieldError

CorruptionName = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "blur",
    "contrast",
    "brightness",
    "translate",
    "rotate",
    "shear",
    "shrink",
    "occlusion",
    "quantize",
    "noise",
    "missing_columns",
    "unseen_levels",
    "wrong_units",
    "swapped_columns",
]


@variant
class Robustness:
    """Measure the models on corrupted validation rows once the experiment has succeeded.

    corruptions: those of images, or those of tables; by default all that fit the data set.
    """

    corruptions: Annotated[tuple[CorruptionName, ...], Field(min_length=1)] | None = None


def _as_object(given: Any) -> Any:
    """true stands for all corruptions, false for no report."""
    if given is True:
        return {}
    return None if given is False else given


WantedRobustness = Annotated[
    Robustness | None, BeforeValidator(_as_object, json_schema_input_type=bool | Robustness | None)
]


def unfit(chosen: Robustness | None, *, are_images: bool, path: str = "corruptions") -> list[FieldError]:
    """The error of the first chosen corruption that is none of images, or none of tables."""
    fitting = {each.name for each in (IMAGE_CORRUPTIONS if are_images else TABLE_CORRUPTIONS)}
    names = () if chosen is None or chosen.corruptions is None else chosen.corruptions
    others = [name for name in names if name not in fitting]
    message = f"is a corruption of {'tables, and these are images' if are_images else 'images, and this is a table'}"
    return [FieldError(path, name, message) for name in others[:1]]
