"""The route class of pages: as `StrictRoute`, but its errors are pages too, and who is not signed in can do so."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from service.api.auth.authorization import Unauthenticated
from service.api.errors.problems import PROBLEM_TYPES, Problem
from service.api.routing.strict_route import StrictRoute
from service.pages.api_client import ApiRefusal
from service.pages.forms import UnusableText
from service.pages.rendering import page


class PageRoute(StrictRoute):
    """Answers errors with a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        # The response cache keeps what is the same for every caller until the next commit. A page names its caller,
        # and shows uploads, which are no commit.
        self.needed = None

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return sign_in_first(request)
            except ApiRefusal as refusal:
                return page(request, "problem.html", refusal.status, problem=refusal.problem)
            except UnusableText as error:
                return page(
                    request, "problem.html", 422, problem=_described("The form cannot be read", error)
                )
            except tuple(PROBLEM_TYPES) as error:
                return problem_page(request, Problem.from_error(error))

        return handle_as_page


def problem_page(request: Request, problem: Problem) -> Response:
    """A problem as a page."""
    response = page(request, "problem.html", problem.type.status, problem=problem.body(request.url.path))
    response.headers.update(problem.headers)
    return response


def sign_in_first(request: Request) -> Response:
    """Lead to the page that asks for a token, and from there back."""
    root = "../" * (request.url.path.count("/") - 1)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = {"next": back} if request.method == "GET" else {}
    return RedirectResponse(f"{root}ui/sign-in?{urlencode(wanted)}", status_code=303)


def _described(title: str, error: Exception) -> dict[str, Any]:
    return {"title": title, "status": 422, "detail": str(error), "errors": []}
