from pathlib import Path

import numpy as np
import pytest

from workers.data.formats.feature_writer import FeatureWriter, NotFinite
from workers.data.formats.labels import InvalidLabel, LabelEncoder
from workers.data.tables.class_names import MOST_CLASSES


def test_chunks_make_no_difference() -> None:
    given = ["b", "a", "b", "c", "a", "d"]
    whole, chunked = LabelEncoder(), LabelEncoder()
    whole.append(given)
    for label in given:
        chunked.append([label])
    for encoder in (whole, chunked):
        labels, classes = encoder.result()
        assert classes == ("a", "b", "c", "d")
        assert [classes[label] for label in labels] == given


def test_the_largest_number_of_classes_is_encoded_correctly() -> None:
    encoder, given = LabelEncoder(), [str(number) for number in reversed(range(MOST_CLASSES))]
    encoder.append(given)
    labels, classes = encoder.result()
    assert [classes[label] for label in labels] == given
    with pytest.raises(InvalidLabel) as bad:
        encoder.append(["7", "one more", "8"])
    assert bad.value.position == 1


@pytest.mark.parametrize("label", ["", "a\nb", "\x00", "\ud800", "x" * 201, "\u202e"])
def test_a_label_that_cannot_be_shown_names_no_class(label: str) -> None:
    with pytest.raises(InvalidLabel) as bad:
        LabelEncoder().append(["fine", label, label])
    assert bad.value.position == 1


def test_the_first_value_that_cannot_be_stored_is_named_and_nothing_is_added(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "writer", "mine") as writer:
        writer.append(np.array([[1.0, 2.0]]))
        with pytest.raises(NotFinite) as unusable:
            writer.append(np.array([[3.0, 4.0], [5.0, -np.inf], [np.nan, 6.0]]))
        assert unusable.value.position == 3
        assert writer.features(2).tolist() == [[1, 2]]
