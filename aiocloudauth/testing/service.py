"""From an HTTP request to the answer on the wire; every request passes here."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from attrs import define, field

from aiocloudauth.testing import validators
from aiocloudauth.testing.described import without_region
from aiocloudauth.testing.instants import http_date, instant, iso
from aiocloudauth.testing.log import Arrival, Log
from aiocloudauth.testing.messages import Answer, Call, Request, deliver, failure
from aiocloudauth.testing.routes import Route, Router, perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth.clock import TimerHandle
    from aiocloudauth.testing.effects import Effect
    from aiocloudauth.testing.faults import Script
    from aiocloudauth.testing.realm import Identity, Realm

__all__ = ["Connections", "Service"]


#: What a server says to a client that has not asked for anything in time. Source: RFC 9110.
_TIMED_OUT: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@define(eq=False)
class Connection:
    """An open connection, from the server's side."""

    number: int
    transport: asyncio.Transport
    idle: TimerHandle | None = None


@define(eq=False, kw_only=True)
class Service:
    """Notes what arrives, lets the script interfere, and has the operation carried out."""

    realm: Realm
    router: Router
    script: Script
    log: Log
    send_date: bool = field(converter=bool)
    idle_timeout: float | None = field(validator=validators.optional_duration)
    on_answer: Callable[[Arrival], object] | None = None

    #: The open connections, by aiohttp's handler of each.
    connections: dict[object, Connection] = field(factory=dict, init=False)
    _arrived: int = field(default=0, init=False)
    _date: tuple[int, str] = field(default=(-1, ""), init=False)

    async def handle(self, request: Request) -> web.StreamResponse:
        """Answer one request; what aiohttp's low-level server calls."""
        connection = self.connections[request.protocol]
        if connection.idle is not None:
            connection.idle.cancel()
        try:
            return await self._answer(request, connection.number)
        finally:
            self.await_request(connection)

    def await_request(self, connection: Connection) -> None:
        """Give a connection so long to bring its next request."""
        if self.idle_timeout is None or connection.transport.is_closing():
            return

        def time_out() -> None:
            connection.transport.write(_TIMED_OUT)
            connection.transport.close()

        connection.idle = self.realm.clock.call_later(self.idle_timeout, time_out)

    async def _answer(self, request: Request, connection: int) -> web.StreamResponse:
        arrival = self._note(request, connection)
        try:
            return await self._answer_to(request, arrival)
        finally:
            if self.on_answer is not None:
                self.on_answer(arrival)

    async def _answer_to(self, request: Request, arrival: Arrival) -> web.StreamResponse:
        realm, root = self.realm, self.realm.root
        if not f"{arrival.path}/".startswith(f"{root}/"):
            missing = failure(404, "root.resource_not_found", version=realm.version)
            return await self._deliver(request, arrival, missing)
        path = without_region(arrival.path[len(root) :] or "/")
        route, parts = self.router.find(arrival.method, path)
        identity = self._identify(request, arrival)
        call = Call(request, arrival, self.log, arrival.method, path, identity, parts)
        if route.guarded:
            realm.stats.requests += 1
        elif path == "/users/auth/_login":
            realm.stats.login_attempts += 1
        elif path == "/users/auth/_refresh":
            realm.stats.refresh_attempts += 1
        fault = self.script.meet(call) if self.script else None
        if fault is None:
            answer = await perform(realm, call, route)
        else:
            realm.stats.faults += 1
            arrival.fault = "+".join(effect.name for effect in fault.effects)
            answer = await self._play(fault.effects, call, route)
        if identity.key_expires_at is not None:
            ends = iso(identity.key_expires_at)
            answer = answer.with_headers(("X-Elastic-Api-Key-Expiration", ends))
        if answer.status == 401 and route.guarded:
            realm.stats.unauthorized += 1
        return await self._deliver(request, arrival, answer)

    async def _play(
        self, effects: tuple[Effect, ...], call: Call, route: Route, *, work: bool = True
    ) -> Answer:
        if not effects:
            return await perform(self.realm, call, route) if work else Answer()
        outer = work

        async def proceed(*, work: bool = True) -> Answer:
            return await self._play(effects[1:], call, route, work=outer and work)

        return await effects[0].apply(self.realm, proceed)

    async def _deliver(
        self, request: Request, arrival: Arrival, answer: Answer
    ) -> web.StreamResponse:
        date = self._date_now() if self.send_date else None
        return await deliver(request, arrival, answer, self.realm.clock, date)

    def _note(self, request: Request, connection: int) -> Arrival:
        self._arrived += 1
        target = request.rel_url
        arrival = Arrival(
            self._arrived,
            instant(self.realm.now()),
            request.method,
            target.raw_path,
            target.raw_query_string,
            connection,
            request.headers,
        )
        self.log.append(arrival)
        return arrival

    def _identify(self, request: Request, arrival: Arrival) -> Identity:
        identity = self.realm.identify(request.headers.get("Authorization"))
        arrival.credential, arrival.user = identity.credential, identity.name or None
        if identity.token is not None:
            arrival.generation = identity.token.generation
        return identity

    def _date_now(self) -> str:
        second = math.floor(self.realm.now())
        if self._date[0] != second:
            self._date = (second, http_date(second))
        return self._date[1]


class Connections(web.Server):
    """aiohttp's low-level server in front of a service: the factory of its connections."""

    def __init__(self, service: Service) -> None:
        loop = asyncio.get_running_loop()
        # aiohttp's types know of no requests but its own, nor of a factory's arguments.
        handle: Any = service.handle
        request: Any = Request
        super().__init__(
            handle,
            # aiohttp 4 adds a sixth part: what is wrong with a request that is no HTTP.
            request_factory=lambda *parts: request(*parts[:5], loop),
            # What is held back for a connection ends with it.
            handler_cancellation=True,
            access_log=None,
            # The log's digest is of the bytes that came.
            auto_decompress=False,
        )
        self._service = service

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Number the connection."""
        super().connection_made(handler, transport)
        service = self._service
        service.realm.stats.connections += 1
        connection = Connection(service.realm.stats.connections, transport)
        service.connections[handler] = connection
        service.await_request(connection)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget the connection."""
        super().connection_lost(handler, exc)
        connection = self._service.connections.pop(handler, None)
        if connection is not None and connection.idle is not None:
            connection.idle.cancel()
