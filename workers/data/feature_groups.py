"""The features of a data set as people speak of them: columns by name, or regions of an image."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from workers.data.dataset import Dataset
from workers.nn.arrays import Shape

REGIONS = 8
"""The largest number of regions along a side of an image: a single pixel of a large one says next to nothing."""

Kind = Literal["number", "boolean", "category", "date", "region"]


@dataclass(frozen=True)
class FeatureGroup:
    """What has one name. features: its indices in a row of the data set."""

    name: str
    kind: Kind
    features: tuple[int, ...]


def feature_groups(dataset: Dataset) -> list[FeatureGroup]:
    """The columns of a table by their names, the regions of images, or else each feature by its number from 0."""
    if dataset.columns is not None:
        return [FeatureGroup(each.name, each.kind, (index,)) for index, each in enumerate(dataset.columns)]
    if dataset.shape is not None:
        return _regions(dataset.shape)
    return [
        FeatureGroup(f"feature {index}", "number", (index,)) for index in range(dataset.features.shape[1])
    ]


def _regions(shape: Shape) -> list[FeatureGroup]:
    """The regions of images (height, width, channels), from the top left; all channels of a pixel are in one."""
    height, width, channels = shape
    groups = []
    for top, bottom in _sections(height):
        for left, right in _sections(width):
            features = (
                (row * width + column) * channels + channel
                for row in range(top, bottom)
                for column in range(left, right)
                for channel in range(channels)
            )
            name = f"{_range('row', top, bottom)}, {_range('column', left, right)}"
            groups.append(FeatureGroup(name, "region", tuple(features)))
    return groups


def _sections(length: int) -> list[tuple[int, int]]:
    """At most REGIONS sections of a side, their lengths as equal as they can be."""
    count = min(length, REGIONS)
    ends = [length * index // count for index in range(count + 1)]
    return list(pairwise(ends))


def _range(what: str, start: int, end: int) -> str:
    return f"{what} {start}" if end - start == 1 else f"{what}s {start}-{end - 1}"
