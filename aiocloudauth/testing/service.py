"""From an HTTP request to the answer on the wire; every request passes here."""

from __future__ import annotations

import asyncio
import math
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import define, field

from aiocloudauth.testing.answers import Answer, failure
from aiocloudauth.testing.call import Call
from aiocloudauth.testing.delivery import deliver, plain
from aiocloudauth.testing.described import without_region
from aiocloudauth.testing.realm import instant, iso
from aiocloudauth.testing.records import Arrival, Log
from aiocloudauth.testing.routes import Route, perform, route_for

if TYPE_CHECKING:
    from aiocloudauth.testing.effect import Effect
    from aiocloudauth.testing.faults import Script
    from aiocloudauth.testing.identity import Identity
    from aiocloudauth.testing.realm import Realm

__all__ = ["Connections", "Service"]


@define(eq=False)
class Service:
    """Notes what arrives, lets the script interfere, and has the operation carried out."""

    realm: Realm
    script: Script
    log: Log
    send_date: bool

    #: The number of each open connection.
    connections: dict[object, int] = field(factory=dict, init=False)
    _arrived: int = field(default=0, init=False)
    _date: tuple[int, str] = field(default=(-1, ""), init=False)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; what aiohttp's low-level server calls."""
        realm, root = self.realm, self.realm.root
        arrival = self._note(request)
        if not f"{arrival.path}/".startswith(f"{root}/"):
            missing = failure(404, "root.resource_not_found", version=realm.version)
            return await self._deliver(request, arrival, missing)
        path = without_region(arrival.path[len(root) :] or "/")
        route, parts = route_for(path, realm.version)
        identity = self._identify(request, arrival)
        call = Call(request, arrival, arrival.method, path, identity, parts)
        if route.guarded:
            realm.stats.requests += 1
        elif path == "/users/auth/_login":
            realm.stats.login_attempts += 1
        elif path == "/users/auth/_refresh":
            realm.stats.refresh_attempts += 1
        fault = self.script.meet(call.method, path) if self.script else None
        if fault is None:
            answer = await perform(realm, call, route)
        else:
            realm.stats.faults += 1
            arrival.fault = "+".join(effect.name for effect in fault.effects)
            answer = await self._play(fault.effects, call, route)
        if identity.key_expires_at is not None and identity.refused_with is None:
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
        self, request: web.BaseRequest, arrival: Arrival, answer: Answer
    ) -> web.StreamResponse:
        date = self._date_now() if self.send_date else None
        if answer.delivery is None:
            arrival.status = answer.status
            return plain(answer, date)
        return await deliver(request, arrival, answer, self.realm.clock, date)

    def _note(self, request: web.BaseRequest) -> Arrival:
        self._arrived += 1
        target = request.rel_url
        arrival = Arrival(
            self._arrived,
            instant(self.realm.now()),
            request.method,
            target.raw_path,
            target.raw_query_string,
            self.connections.get(request.protocol, 0),
            request.headers,
        )
        self.log.append(arrival)
        return arrival

    def _identify(self, request: web.BaseRequest, arrival: Arrival) -> Identity:
        identity = self.realm.identify(request.headers.get("Authorization"))
        arrival.credential, arrival.user = identity.credential, identity.name or None
        if identity.token is not None:
            arrival.generation = identity.token.generation
        return identity

    def _date_now(self) -> str:
        second = math.floor(self.realm.now())
        if self._date[0] != second:
            self._date = (second, format_datetime(instant(second), usegmt=True))
        return self._date[1]


class _Undated(web.BaseRequest):
    """A request whose answer shows no `Date`."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.popall("Date", None)


class Connections(web.Server):
    """aiohttp's low-level server in front of a service: the factory of its connections."""

    def __init__(self, service: Service) -> None:
        loop = asyncio.get_running_loop()

        undated: Any = _Undated
        super().__init__(
            service.handle,
            request_factory=None if service.send_date else lambda *parts: undated(*parts, loop),
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
        stats = self._service.realm.stats
        stats.connections += 1
        self._service.connections[handler] = stats.connections

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget the connection."""
        super().connection_lost(handler, exc)
        self._service.connections.pop(handler, None)
