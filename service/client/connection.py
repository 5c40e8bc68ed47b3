"""Requests to the service: decoded JSON, text, files, and every refusal as one exception."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self
from urllib.parse import urlencode

import httpx2

CONNECT_SECONDS = 30
SECONDS = 600
"""For uploads, downloads and what the service computes when it is first asked."""
POLL_SECONDS = 30
"""For what comes at once, but for the time that it is asked to wait."""


class RequestRefused(Exception):
    """The service responded with a problem (RFC 9457). The text has its detail, and the place of each error.

    problem: the document, with `type`, `title`, `status` and `detail`. status: that of HTTP.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        self.status: int | None = problem.get("status")
        super().__init__("\n".join(_sentences(problem)))


class Connection:
    """Connections to one service.

    Raises RequestRefused if the service responds with an error, and httpx2.HTTPError if it does not respond.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        """`token` defaults to the environment variable HOLDOUT_TOKEN."""
        self.url = url.rstrip("/")
        token = token or os.environ.get("HOLDOUT_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = httpx2.Timeout(SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx2.Client(base_url=self.url, timeout=timeout, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _json(
        self,
        method: str,
        path: str,
        *,
        content: str | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The decoded response; None if it has no body."""
        headers = {"Content-Type": "application/json"} if content is not None else {}
        path += query_of(query)
        response = self._http.request(method, path, content=content, headers=headers)
        if response.is_error:
            _raise(response, f"{method} {path}")
        return response.json() if response.content else None

    def _submit(self, path: str, content: str, key: str | None) -> Any:
        """Send a body that makes something, once for each key."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        response = self._http.post(path, content=content, headers=headers)
        if response.is_error:
            _raise(response, f"POST {path}")
        return response.json()

    def _text(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        return self._bytes(path, query).decode()

    def _bytes(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        path += query_of(query)
        response = self._http.get(path)
        if response.is_error:
            _raise(response, f"GET {path}")
        return response.content

    def _form(
        self, path: str, file: BinaryIO, fields: Mapping[str, str], query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send a form with one file."""
        path += query_of(query)
        with _with_a_length(file) as content:
            response = self._http.post(path, data=dict(fields), files={"file": content})
        if response.is_error:
            _raise(response, f"POST {path}")
        answer: dict[str, Any] = response.json()
        return answer

    def _changed(self, path: str, etag: str | None, wait: float) -> tuple[dict[str, Any], str | None] | None:
        """A resource and its ETag, once it differs from that of `etag`; None if it has not within `wait` seconds."""
        headers = {} if etag is None else {"If-None-Match": etag}
        path += query_of({"wait": f"{wait:g}" if wait else None})
        response = self._http.get(path, headers=headers, timeout=POLL_SECONDS + wait)
        if response.status_code == 304:
            return None
        if response.is_error:
            _raise(response, f"GET {path}")
        return response.json(), response.headers.get("etag")

    @contextmanager
    def _stream(self, method: str, path: str, **request: Any) -> Iterator[httpx2.Response]:
        """A response whose body is read as it arrives."""
        with self._http.stream(method, path, **request) as response:
            if response.is_error:
                response.read()
                _raise(response, f"{method} {path}")
            yield response

    def _download(self, path: str, file: BinaryIO) -> None:
        with self._stream("GET", path) as response:
            file.writelines(response.iter_bytes())


def _sentences(problem: Mapping[str, Any]) -> list[str]:
    """Each error once: the detail of a problem repeats the first of its errors."""
    detail = str(problem.get("detail") or problem.get("title") or "refused")
    errors = [f"{error['path'] or 'body'}: {error['message']}" for error in problem.get("errors", [])]
    if errors and detail.startswith(errors[0][:200]):
        return errors
    return [detail, *(f"  {error}" for error in errors)]


@contextmanager
def _with_a_length(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or a copy of a pipe: httpx2 takes the length of a pipe for 0."""
    if file.seekable():
        yield file
    else:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            yield copy


def query_of(parameters: Mapping[str, Any] | None) -> str:
    """The query of a URL, without the parameters that are None."""
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _raise(response: httpx2.Response, request: str) -> NoReturn:
    unknown = {"title": f"{request} answered {response.status_code}", "status": response.status_code}
    try:
        problem = response.json()
    except json.JSONDecodeError:
        problem = unknown
    raise RequestRefused(problem if isinstance(problem, dict) else unknown) from None
