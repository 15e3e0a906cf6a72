"""An ECE authentication server in this process, on a real port."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from aiocloudauth.clock import Clock
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.testing.accounts import Accounts, User
from aiocloudauth.testing.clock import ManualClock
from aiocloudauth.testing.deployments import Deployments
from aiocloudauth.testing.effects import Status
from aiocloudauth.testing.faults import Fault, Script
from aiocloudauth.testing.listener import Listener
from aiocloudauth.testing.log import Log, Stats
from aiocloudauth.testing.memory import MemoryConnector
from aiocloudauth.testing.messages import json_answer
from aiocloudauth.testing.operations import reply, saml_response
from aiocloudauth.testing.realm import Realm
from aiocloudauth.testing.routes import ANY, Route, Router
from aiocloudauth.testing.service import Service
from aiocloudauth.testing.sessions import SessionPolicy, Sessions
from aiocloudauth.testing.versions import version_named

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from aiocloudauth.testing.effects import Effect
    from aiocloudauth.testing.log import Arrival
    from aiocloudauth.testing.sessions import TokenFormat

__all__ = ["CloudServer", "UnusedFaultWarning"]

_ROOT: Final = "/api/v1"


class UnusedFaultWarning(UserWarning):
    """A fault was scripted and met no request: the test did not test what it says."""


class CloudServer:
    """An ECE: its authentication, its deployments and their plans, on a real port.

    Every other operation of the API is answered with what fits its type, and any other path
    below `/api/v1` with an echo: method, path and user as JSON; after `?delay=2` seconds if told
    so; `/ws` echoes a WebSocket; `reply` sets another answer. `async with` starts and closes
    it, as `start` and `close` do by hand. Durations are in seconds.

    Args:
        users: passwords (of administrators) or `User` values by name.
        token_lifetime: how long a token is valid.
        version: the ECE that is played: "3.8", "3.6" or "2.1".
        revoke_on_refresh: whether `_refresh` makes the token it was sent invalid.
        max_session: how long after the login `_refresh` still works.
        at_max_session: what `_refresh` does then: "refuse" with 401, or "stop" extending, so
            that no token outlives the session.
        tokens: "jwt", "opaque", or a function from a token's generation to the token.
        refused_code: the code of a 401 for a dead token; None for one without a code.
        basic_refresh: whether `_refresh` takes Basic credentials.
        elevated_paths: below these, writing takes `User(elevated=True)` up to ECE 3.6.
        clock: read for everything. With a `ManualClock` the server lives on its `remote`.
        clock_skew: how far the server's wall clock is ahead; negative if behind.
        send_date: whether answers have a `Date`.
        faults: what goes wrong; more by `script` and `fail_next`.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        root: the path of the API root.
        tls: speak TLS, with a throw-away certificate or with this context.
        idle_timeout: a connection that brings no request for so long is sent a 408 with
            `Connection: close`, and closed; also one that has not brought any.
        log_size: how many arrivals `log` keeps.
        on_answer: called with each arrival once it was answered, or was left without an answer.
    """

    def __init__(
        self,
        users: Mapping[str, str | User] | None = None,
        *,
        token_lifetime: float = 1200.0,
        version: str = "3.8",
        revoke_on_refresh: bool = False,
        max_session: float | None = None,
        at_max_session: Literal["refuse", "stop"] = "refuse",
        tokens: TokenFormat = "jwt",
        refused_code: str | None = "root.unauthorized",
        basic_refresh: bool = False,
        elevated_paths: Iterable[str] = ("/platform",),
        clock: Clock | None = None,
        clock_skew: float = 0.0,
        send_date: bool = True,
        faults: Iterable[Fault] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        root: str = _ROOT,
        tls: bool | ssl.SSLContext = False,
        idle_timeout: float | None = None,
        log_size: int = 10_000,
        on_answer: Callable[[Arrival], object] | None = None,
    ) -> None:
        # The server is another machine: its clock is neither suspended nor stepped.
        clock = clock.remote if isinstance(clock, ManualClock) else clock or Clock()
        policy = SessionPolicy(
            token_lifetime=token_lifetime,
            max_session=max_session,
            at_max_session=at_max_session,
            revoke_on_refresh=revoke_on_refresh,
            tokens=tokens,
        )
        realm = Realm(
            root=root,
            version=version_named(version),
            accounts=Accounts({"admin": "secret"} if users is None else users),
            sessions=Sessions(policy),
            clock=clock,
            clock_skew=clock_skew,
            refused_code=refused_code,
            basic_refresh=basic_refresh,
            elevated_paths=tuple(elevated_paths),
            deployments=Deployments(),
        )
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
            raise ConfigurationError(f"a port is a number from 0 to 65535, not {port!r}")
        if not isinstance(host, str) or not host:
            raise ConfigurationError(f"a host is a name or an address, not {host!r}")
        self._service = Service(
            realm=realm,
            router=Router(realm.version),
            script=Script(realm, faults),
            log=Log(log_size),
            send_date=send_date,
            idle_timeout=idle_timeout,
            on_answer=on_answer,
        )
        self._realm = realm
        self._address, self._tls = (host, port), tls
        self._listener: Listener | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """What a client is given: scheme, host and port; and the root, if it is another."""
        if self._url is None:
            raise ConfigurationError("the server has no URL before it is started")
        return self._url

    @property
    def ca_file(self) -> str:
        """The authority that signed the throw-away certificate: a PEM file, until `close`."""
        if self._listener is None or self._listener.certificate is None:
            raise ConfigurationError("only a running server with tls=True has a CA file")
        return self._listener.certificate.ca_file

    @property
    def stats(self) -> Stats:
        """Counters of what happened so far."""
        return self._realm.stats

    @property
    def log(self) -> Log:
        """The latest arrivals."""
        return self._service.log

    @property
    def open_connections(self) -> int:
        """How many connections there are at the moment."""
        return len(self._service.connections)

    @property
    def users(self) -> Accounts:
        """The users; `put` and `remove` change them at any time."""
        return self._realm.accounts

    @property
    def deployments(self) -> Deployments:
        """The deployments, and how their plans will go."""
        return self._realm.deployments

    @property
    def policy(self) -> SessionPolicy:
        """How tokens live; an attribute set counts from the next token on."""
        return self._realm.sessions.policy

    @property
    def clock_skew(self) -> float:
        """How far the server's wall clock is ahead, in seconds; may be set at any time."""
        return self._realm.clock_skew

    @clock_skew.setter
    def clock_skew(self, seconds: float) -> None:
        self._realm.clock_skew = seconds

    @property
    def generation(self) -> int:
        """How many tokens were issued: the generation of the latest."""
        return self._realm.sessions.issued

    @property
    def unfired(self) -> tuple[Fault, ...]:
        """The faults that have met no request so far, optional ones left out."""
        return self._service.script.unfired

    @property
    def running(self) -> bool:
        """Whether it listens: between `start` and `close`."""
        return self._listener is not None

    def connector(self, **options: Any) -> MemoryConnector:
        """Make an aiohttp connector that reaches this server without sockets.

        For a client in this event loop; it owns the connector. `options` are those of
        `aiohttp.BaseConnector`, as `limit`.
        """
        return MemoryConnector(self, **options)

    def accept(self) -> asyncio.Protocol:
        """Make the server's side of a connection, for a transport of one's own."""
        if self._listener is None:
            raise ConfigurationError("the server accepts no connection before it is started")
        return self._listener.connections()

    async def start(self) -> Self:
        """Listen; returns once the port is open. A started server stays as it is.

        Raises `ConfigurationError` if it cannot listen there, as when the port is taken.
        """
        if self._listener is None:
            self._listener = await Listener.open(self._service, *self._address, tls=self._tls)
            root = "" if self._realm.root == _ROOT else self._realm.root
            self._url = self._listener.origin + root
            self._service.script.start()
        return self

    async def close(self) -> None:
        """Stop listening and drop every connection; a second call does nothing.

        Warns of the faults that met no request (`UnusedFaultWarning`).
        """
        if await self._shut():
            self._report_unfired()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What failed inside the block says more than a fault it never came to.
        if await self._shut() and error is None:
            self._report_unfired()

    def revoke_all(self) -> int:
        """Make every token issued so far invalid; return how many of them still were valid."""
        return self._realm.sessions.revoke_all(self._realm.now())

    def revoke(self, token: str) -> bool:
        """Make one token invalid; tell whether it still was valid."""
        return self._realm.sessions.revoke(token, self._realm.now())

    def saml_response(self, user: str) -> str:
        """Make a message that `saml/_callback` takes for the identity provider's word."""
        return saml_response(self._realm.saml_key, user)

    def reply(
        self, path: str, document: object, *, status: int = 200, method: str | None = None
    ) -> None:
        """Answer requests to a guarded path with this JSON document, in place of the echo.

        The latest of several replies that fit wins. `path` as in `Fault`.
        """
        if not isinstance(path, str) or not path:
            raise ConfigurationError(f"reply: a path is a str such as '/deployments', not {path!r}")
        operation = reply(json_answer(document, status=status))
        self._service.router.add(Route(path=path, operations={method or ANY: operation}))

    def script(self, *faults: Fault) -> None:
        """Add faults; their times count from now."""
        for fault in faults:
            self._service.script.add(fault)

    def clear_faults(self) -> None:
        """Take all faults back; they will not be reported either."""
        self._service.script.clear()

    def fail_next(
        self,
        path: str,
        *effects: Effect | str,
        times: int = 1,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        retry_after: float | None = None,
        method: str | None = None,
    ) -> None:
        """Let the next `times` requests to `path` fail: by `effects`, or by a status and code."""
        if not effects:
            effects = (Status(500 if status is None else status, code, message, retry_after),)
        elif (status, code, message, retry_after) != (None, None, None, None):
            raise ConfigurationError("fail_next: give effects, or a status and code, not both")
        self.script(Fault(path, effects, times=times, method=method))

    async def _shut(self) -> bool:
        listener, self._listener = self._listener, None
        if listener is None:
            return False
        await listener.close()
        return True

    def _report_unfired(self) -> None:
        if unfired := self.unfired:
            named = "; ".join(str(fault) for fault in unfired)
            warnings.warn(f"faults that met no request: {named}", UnusedFaultWarning, stacklevel=3)
