"""Problem details (RFC 9457): the response model of every error."""

from typing import Any

from pydantic import ConfigDict, Field

from service.schemas.base import ResponseModel
from service.schemas.tables import TableDoubt


class ProblemError(ResponseModel):
    """One error."""

    path: str = Field(description="The field of the body, or the parameter.", examples=["loss.gama"])
    value: Any = Field(description="The value given, shortened.", examples=[2])
    message: str = Field(
        description="What is wrong, and what would be right.",
        examples=["unknown field; did you mean 'gamma'? it is one of name, gamma"],
    )


class ProblemAnswer(ResponseModel):
    """A problem. `errors` lists everything wrong with a request; it is empty if `detail` says it all."""

    type: str = Field(
        description="The kind of problem, described at this path; about:blank for unknown paths and methods.",
        examples=["/problems/invalid-spec"],
    )
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemError]
    questions: list[TableDoubt] | None = Field(
        None, description="With open-questions alone: the same as in an inspection, each with its choices."
    )

    model_config = ConfigDict(title="Problem")


class ProblemKind(ResponseModel):
    """A kind of problem."""

    type: str
    title: str
    status: int
    meaning: str


class ProblemKinds(ResponseModel):
    """All kinds of problems."""

    items: list[ProblemKind]
