"""A server that takes every operation as the facts describe it, and says what is wrong."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from attrs import define, field

from aiocloudauth import ApiKey, CloudSession
from tests.api.facts import Fact, answer_type, differences, example, facts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ROOT = "/api/v1"


def _pattern(fact: Fact) -> re.Pattern[str]:
    written = re.escape(fact["path"])
    for one in fact.get("params", ()):
        if one["in"] == "path":
            shape = "[^/?#]+"
            if isinstance(one["type"], dict):
                shape = "|".join(map(re.escape, one["type"]["enum"]))
            if one["name"] == "proxy_path":
                shape = "[^?#]*"
            name = re.escape("{" + one["name"] + "}")
            written = written.replace(name, f"(?P<{one['name']}>{shape})")
    return re.compile(written)


@define(eq=False)
class Described:
    """What was asked, by the description alone.

    Attributes:
        operations: The operations that the last request may be meant for.
        problems: What in it differs from the first of these.
        values: Its path's values, its query and its header fields as they were read.
        answer: What was answered.
    """

    operations: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)
    values: dict[str, str] = field(factory=dict)
    answer: Any = None
    _patterns: dict[str, re.Pattern[str]] = field(
        factory=lambda: {name: _pattern(one) for name, one in facts()["operations"].items()}
    )

    def find(self, method: str, path: str) -> list[str]:
        """Return the operations that a path is of: those that name most of it literally."""
        found = {
            name: found.groupdict()
            for name, pattern in self._patterns.items()
            if facts()["operations"][name]["method"] == method
            and (found := pattern.fullmatch(path))
        }
        fewest = min((sum(map(len, values.values())) for values in found.values()), default=0)
        return [name for name in found if sum(map(len, found[name].values())) == fewest]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Judge a request, and answer it as described."""
        path, _, query = request.raw_path.partition("?")
        path = re.sub(rf"^{ROOT}(/regions/[^/]+(?=/(?:platform|stack|comments)/))?", "", path)
        self.operations = self.find(request.method, path)
        if not self.operations:
            return web.json_response({"errors": [{"code": "root.resource_not_found"}]}, status=404)
        name = self.operations[0]
        fact = facts()["operations"][name]
        matched = self._patterns[name].fullmatch(path)
        assert matched
        self.values = {key: unquote(value) for key, value in matched.groupdict().items()}
        self.problems = [*self._query(fact, query), *self._headers(fact, request)]
        self.problems += await self._body(fact, request)
        return self._answered(name)

    def _query(self, fact: Fact, query: str) -> list[str]:
        if "{proxy_path}" in fact["path"]:
            return []
        described = {one["name"]: one for one in fact.get("params", ()) if one["in"] == "query"}
        given = dict(parse_qsl(query, keep_blank_values=True))
        self.values |= given
        found = [f"unknown: {name}" for name in given.keys() - described.keys()]
        found += [
            f"missing: {n}" for n, o in described.items() if o.get("required") and n not in given
        ]
        for name in given.keys() & described.keys():
            kind, value = described[name]["type"], given[name]
            if isinstance(kind, dict):
                fits = value in kind["enum"]
            else:
                shape = {"boolean": "true|false", "integer": r"-?\d+", "string": ".*"}[kind]
                fits = bool(re.fullmatch(shape, value, re.DOTALL))
            found += [] if fits else [f"not as described: {name}"]
        return found

    def _headers(self, fact: Fact, request: web.Request) -> list[str]:
        named = [one for one in fact.get("params", ()) if one["in"] == "header"]
        self.values |= {
            o["name"]: request.headers[o["name"]] for o in named if o["name"] in request.headers
        }
        return [
            f"missing: {o['name']}"
            for o in named
            if o.get("required") and o["name"] not in self.values
        ]

    async def _body(self, fact: Fact, request: web.Request) -> list[str]:
        described = fact.get("body")
        fields = [one for one in fact.get("params", ()) if one["in"] == "formData"]
        if fields:
            return await self._form(fact, fields, request)
        body = await request.read()
        kind = request.content_type if "Content-Type" in request.headers else ""
        if not described:
            return ["a body where none is described"] if body or kind else []
        if not body:
            return ["no body"] if described["required"] else []
        text = described["type"] == "string"
        consumed = fact.get("consumes", ["application/json"]) if text else ["application/json"]
        wrong = [] if kind in consumed else [f"sent as {kind}"]
        if text:
            self.values["body"] = body.decode()
            return wrong
        return [*wrong, *differences(described["type"], json.loads(body))]

    async def _form(self, fact: Fact, fields: list[Fact], request: web.Request) -> list[str]:
        sent = await request.post()
        for name, value in sent.items():
            if isinstance(value, web.FileField):
                self.values[name] = value.file.read().decode()
            else:
                self.values[name] = str(value)
        consumed = fact.get("consumes", ["application/x-www-form-urlencoded"])
        wrong = [] if request.content_type in consumed else [f"sent as {request.content_type}"]
        missing = [one["name"] for one in fields if one.get("required")]
        return [*wrong, *(f"missing: {name}" for name in missing if name not in sent)]

    def _answered(self, name: str) -> web.Response:
        status, kind = answer_type(name)
        if status == 302:
            self.answer = None
            return web.Response(status=302, headers={"Location": f"{ROOT}/nowhere"})
        headers = {"x-cloud-resource-version": "12"}
        if kind == "string:byte":
            self.answer = b"PK\x03\x04 not text \xff"
            return web.Response(body=self.answer, content_type="application/zip", headers=headers)
        self.answer = example(kind, whole=True)
        return web.json_response(self.answer, status=status, headers=headers)


@define(eq=False)
class Scripted:
    """A server that answers what a test wants, and keeps what it was asked."""

    reply: Callable[[web.Request], Awaitable[web.StreamResponse]]
    asked: list[str] = field(factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep the request's line, and answer."""
        self.asked.append(f"{request.method} {request.raw_path}")
        return await self.reply(request)

    @classmethod
    def always(
        cls, body: bytes | str, content_type: str = "application/json", status: int = 200
    ) -> Self:
        """Answer every request alike."""

        async def reply(_: web.Request) -> web.StreamResponse:
            data = body.encode() if isinstance(body, str) else body
            headers = {"Content-Type": content_type} if content_type else {}
            return web.Response(body=data, headers=headers, status=status)

        return cls(reply)


@asynccontextmanager
async def session_with(server: Described | Scripted, **options: Any) -> AsyncIterator[CloudSession]:
    """Open a session with a server on a real port."""
    app = web.Application()
    app.router.add_route("*", "/{all:.*}", server.take)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with CloudSession(f"http://{host}:{port}", ApiKey("key"), **options) as cloud:
            yield cloud
    finally:
        await runner.cleanup()
