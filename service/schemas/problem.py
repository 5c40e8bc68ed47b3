"""Problem details (RFC 9457), as they are answered for every error."""

from typing import Any

from pydantic import ConfigDict, Field

from service.schemas.answer import Answer


class ProblemError(Answer):
    """One thing wrong."""

    path: str = Field(description="Where: a field of the body, or a parameter.", examples=["loss.gama"])
    value: Any = Field(description="What was given, shortened.", examples=[2])
    message: str = Field(
        description="What would be right.",
        examples=["unknown field; did you mean 'gamma'? it is one of name, gamma"],
    )


class ProblemAnswer(Answer):
    """What went wrong. `errors` has every fault of a spec at once, and is empty for other problems."""

    type: str = Field(description="The kind of problem, or about:blank.", examples=["/problems/invalid-spec"])
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ProblemError]

    model_config = ConfigDict(title="Problem")


class ProblemKind(Answer):
    """A kind of problem."""

    type: str
    title: str
    status: int
    meaning: str


class ProblemKinds(Answer):
    """All of them."""

    items: list[ProblemKind]
