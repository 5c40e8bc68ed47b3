"""The cookie in which a browser keeps a token after its user has signed in.

It holds the token itself, so that a revoked or expired one is refused at once, as in the header Authorization. It is
HttpOnly: no script can read it, not even an injected one, while a token in sessionStorage is open to every script of
the page; and pages, charts and event streams work without script. It is SameSite=Strict: no request from another site
carries it. Browsers send cookies to every port of a host, so requests from a page at another port are refused
by Sec-Fetch-Site, and a host that serves other people's pages at other ports should serve Holdout under another name.
"""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from fastapi import Response
from fastapi.security.utils import get_authorization_scheme_param

COOKIE = "holdout_token"
OWN_PAGES = (None, "same-origin", "none")
"""Values of Sec-Fetch-Site with which the cookie counts. Browsers leave the header out on plain HTTP."""


def token_of_header(headers: Mapping[str, str]) -> str | None:
    """The token in the header Authorization; None if there is none."""
    scheme, token = get_authorization_scheme_param(headers.get("authorization"))
    return token if scheme.lower() == "bearer" and token else None


def token_of_cookie(headers: Mapping[str, str]) -> str | None:
    """The token in the cookie, if one of our own pages, or the user, has sent the request."""
    header = headers.get("cookie", "")
    if COOKIE not in header or headers.get("sec-fetch-site") not in OWN_PAGES:
        return None
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def remember(response: Response, token: str, *, secure: bool) -> None:
    """Let the browser keep a token until it is closed."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


def forget(response: Response) -> None:
    """Let the browser drop the token."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path="/")
