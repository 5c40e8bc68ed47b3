"""Which kind of thread a route uses: the one that `run_on` declares, else by its scope and method.

A route that changes something uses a thread of `writes`, any other one of `reads`. `async def` endpoints run in the
event loop and use none.
"""

from collections.abc import Collection

from fastapi import Depends, params
from fastapi.dependencies.models import Dependant

from service.api.auth.authorization import needed_by
from service.api.thread_limiters import Kind


class _Marker:
    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    async def __call__(self) -> None:
        """Does nothing: `kind_of` has read the marker when the route was made."""


def run_on(kind: Kind) -> params.Depends:
    """The dependency of a route that uses threads of another kind than its scope and method say."""
    dependency: params.Depends = Depends(_Marker(kind))
    return dependency


def kind_of(dependant: Dependant, methods: Collection[str]) -> Kind:
    """The kind of thread that a route uses."""
    for each in dependant.dependencies:
        if isinstance(each.call, _Marker):
            return each.call.kind
    return "reads" if needed_by(dependant) in (None, "read") or "GET" in methods else "writes"
