import pickle

import pytest

from workers.data.errors import (
    ColumnDoesNotDivide,
    DatasetChanged,
    DatasetError,
    FileTooLarge,
    MalformedFile,
    MissingFile,
    NameReserved,
    NoOfficialTest,
    NotUploaded,
    TooFewRows,
    UnknownDataset,
)
from workers.data.tables.schema import UnansweredQuestions

ERRORS = [
    UnknownDataset("digts", ("digits", "iris"), "digits", "DIR/datasets/NAME"),
    DatasetChanged("mnist", "a" * 64, "b" * 64),
    NameReserved("digits", "a bundled data set"),
    NotUploaded("digits", "a bundled data set"),
    NoOfficialTest("iris"),
    MissingFile("mnist", "train-labels-idx1-ubyte"),
    MalformedFile("mnist/x", "is wrong", "this is right"),
    FileTooLarge("mnist/x", "is large", "this is small enough"),
    ColumnDoesNotDivide("day", "is not in the data set"),
    TooFewRows("class '3'", 1, 3, "one in each of the 3 parts"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_shows_all_its_fields_and_survives_pickling(error: DatasetError) -> None:
    revived = pickle.loads(pickle.dumps(error))
    assert type(revived) is type(error)
    assert str(revived) == str(error)
    for value in vars(error).values():
        assert all(text in str(error) for text in (value if isinstance(value, tuple) else [str(value)]))


def test_every_error_has_its_sentence_here() -> None:
    known = {DatasetError}
    while more := {sub for cls in known for sub in cls.__subclasses__()} - known:
        known |= more
    # Questions are shown by their own route, and tested there.
    assert known - {DatasetError, UnansweredQuestions} == {type(error) for error in ERRORS}


def test_without_a_similar_name_none_is_suggested() -> None:
    assert "Did you mean" not in str(UnknownDataset("x", ("digits",), None, "DIR"))
