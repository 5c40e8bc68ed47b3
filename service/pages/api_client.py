"""Calls the API from within its own process, as another program would by HTTP.

A page so shows what the API says, under the same scopes, limits and caches, and needs no queries of its own.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.types import Message, Receive

PASSED_ON = (b"host", b"cookie", b"authorization", b"origin", b"sec-fetch-site")
"""The headers by which a request is authorized, and from which addresses are made."""
CONNECTION = ("type", "asgi", "scheme", "server", "client")
JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """What the API has answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)


class ApiRefusal(Exception):
    """The API has answered with a problem. The page shows it."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.problem: dict[str, Any] = reply.json()
        super().__init__(self.problem.get("detail"))


class ApiClient:
    """Calls on behalf of the caller of a page. The page's own request has been counted; these are not."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The body of a response. Raises ApiRefusal."""
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        return _accepted(await self.send("GET", path, query=urlencode(given))).json()

    async def get_if_changed(self, path: str, query: Mapping[str, Any], etag: str) -> Reply:
        """A response, or 304 if it has this etag. It may wait for as long as the client does. Raises ApiRefusal."""
        headers = {"if-none-match": etag} if etag else {}
        receive = self._request.receive
        return _accepted(
            await self.send("GET", path, query=urlencode(query), headers=headers, receive=receive)
        )

    async def find(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The body of a response; None if the API refuses."""
        try:
            return await self.get(path, query)
        except ApiRefusal:
            return None

    async def find_all(
        self, paths: Sequence[str], query: Mapping[str, Any], *, at_a_time: int = 2
    ) -> list[Any]:
        """The bodies of many responses, as `find`. So many at a time: each takes a thread and a connection."""
        found: list[Any] = []
        for start in range(0, len(paths), at_a_time):
            some = paths[start : start + at_a_time]
            found += await asyncio.gather(*(self.find(path, query) for path in some))
        return found

    async def get_with_token(self, path: str, token: str) -> Reply:
        """What a caller with this token would get."""
        address, _, query = path.partition("?")
        return await self.send("GET", address, query=query, headers={"authorization": f"Bearer {token}"})

    async def post(self, path: str, body: Any, query: Mapping[str, Any] | None = None) -> Reply:
        """Send JSON; a body of None sends nothing."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"content-type": JSON}
        return await self.send("POST", path, query=urlencode(query or {}), content=content, headers=headers)

    async def patch(self, path: str, body: Any) -> Reply:
        """Send JSON that changes a resource."""
        headers = {"content-type": JSON}
        return await self.send("PATCH", path, content=json.dumps(body).encode(), headers=headers)

    async def forward(self, path: str) -> Reply:
        """Send the body of the page's own request on, as it comes."""
        names = ("content-type", "content-length", "transfer-encoding")
        headers = {name: self._request.headers[name] for name in names if name in self._request.headers}
        return await self.send("POST", path, headers=headers, receive=self._request.receive)

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        receive: Receive | None = None,
    ) -> Reply:
        """Call the application, in a task of its own: what it sets in the context stays there."""
        sent = [header for header in self._request.scope["headers"] if header[0] in PASSED_ON]
        given = {"accept": JSON, **(headers or {})}
        if content:
            given["content-length"] = str(len(content))
        sent = [header for header in sent if header[0].decode() not in given]
        sent += [(name.encode(), value.encode("utf-8", "replace")) for name, value in given.items()]
        state = self._request.scope["state"]
        known = {name: state[name] for name in ("caller", "counted_as") if name in state}
        scope = {
            **{name: self._request.scope[name] for name in CONNECTION if name in self._request.scope},
            "http_version": "1.1",
            "root_path": "",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": sent,
            "state": known,
        }
        response = _Collected(content)
        await asyncio.create_task(_call(self._request.app, scope, receive or response.receive, response))
        return response.reply()


def _accepted(reply: Reply) -> Reply:
    if reply.status >= 400:
        raise ApiRefusal(reply)
    return reply


async def _call(app: Any, scope: dict[str, Any], receive: Receive, response: "_Collected") -> None:
    await app(scope, receive, response.send)


class _Collected:
    """A whole response, and the body of the request that it is to."""

    def __init__(self, content: bytes) -> None:
        self._request, self._is_received = content, False
        self._status = 500
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        if self._is_received:
            await asyncio.Event().wait()  # the client of a page neither sends more nor leaves
        self._is_received = True
        return {"type": "http.request", "body": self._request, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self._parts.append(message.get("body", b""))

    def reply(self) -> Reply:
        return Reply(self._status, self._headers, b"".join(self._parts))
