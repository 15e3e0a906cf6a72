"""What unlucky and careless users do to a session: strange callables, subscribers, numbers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from aiocloudauth import (
    ApiKey,
    Bearer,
    CloudAuthError,
    CloudSession,
    ConfigurationError,
    Event,
    InvalidResponseError,
    LoggedIn,
    Password,
    RenewalFailed,
    RenewalPolicy,
    RenewalTimeoutError,
    Secret,
    SessionClosedError,
    SessionState,
    TokenRefresher,
    TransportError,
)
from aiocloudauth.testing import CloudServer, Fault, Late, ManualClock, Silence, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiocloudauth import Credentials

DEFAULT = RenewalPolicy()


class StrangeError(BaseException):
    """No `Exception`: as those of gevent, trio and pytest."""


@asynccontextmanager
async def in_memory(
    server: CloudServer,
    clock: ManualClock,
    credentials: Credentials | None = None,
    **options: Any,
) -> AsyncIterator[CloudSession]:
    """Make a session that needs neither time nor sockets, and close it in a few seconds."""
    cloud = CloudSession(
        server.url,
        credentials or Password("admin", "secret"),
        clock=clock,
        connector=server.connector(),
        auth_connector=server.connector(),
        **options,
    )
    try:
        yield cloud
    finally:
        await clock.drive(cloud.close(), limit=5.0)
        assert cloud.state is SessionState.CLOSED


async def status(cloud: CloudSession, path: str = "/x") -> int:
    """Send a request and return its status."""
    async with cloud.get(path) as response:
        return response.status


# -- credentials from callables ------------------------------------------------------------


async def never() -> str:
    """Ask a vault that does not answer."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError


def raising(error: BaseException | type[BaseException]) -> Callable[[], Awaitable[str]]:
    """Make a callable that raises."""

    async def ask() -> str:
        raise error

    return ask


def giving(value: object) -> Callable[[], Awaitable[Any]]:
    """Make a callable that gives."""

    async def ask() -> object:
        return value

    return ask


def not_async() -> str:
    """Forget that a callable is to be async; that does no harm."""
    return "secret"


CALLABLES: dict[str, tuple[Any, type[CloudAuthError] | None]] = {
    "hangs": (never, RenewalTimeoutError),
    "gives None": (giving(None), ConfigurationError),
    "gives bytes": (giving(b"secret"), ConfigurationError),
    "gives an empty string": (giving(""), ConfigurationError),
    "gives half a surrogate": (giving("\ud800"), ConfigurationError),
    "gives itself": (giving(never), ConfigurationError),
    "gives a secret": (giving(Secret("secret")), None),
    "is not async": (not_async, None),
    "raises": (raising(OSError("vault")), TransportError),
    "raises an error of ours": (raising(InvalidResponseError("x")), InvalidResponseError),
    "raises TimeoutError": (raising(TimeoutError), TransportError),
    "raises StopIteration": (raising(StopIteration), TransportError),
    "raises CancelledError": (raising(asyncio.CancelledError), RenewalTimeoutError),
    "raises RecursionError": (raising(RecursionError), TransportError),
    "raises what is no Exception": (raising(StrangeError), CloudAuthError),
    "raises GeneratorExit": (raising(GeneratorExit), CloudAuthError),
    "takes arguments": (lambda user: giving("secret")(), TransportError),
}


@pytest.mark.parametrize("name", CALLABLES)
async def test_a_callable_that_fails_is_a_failed_login(name: str) -> None:
    """LESSONS: background loop dies on an unexpected exception type. Here the next one works."""
    ask, expected = CALLABLES[name]
    clock, asked = ManualClock(sockets=False), ask

    async def password() -> str:
        answer: str = await asked()
        return answer

    given = password if name not in {"is not async", "takes arguments"} else ask
    async with CloudServer(clock=clock) as server:
        async with in_memory(server, clock, Password("admin", given)) as cloud:
            if expected is None:
                await clock.drive(cloud.open())
            else:
                with pytest.raises(expected):
                    await clock.drive(cloud.open(), limit=DEFAULT.renewal_timeout + 1)
                assert cloud.state is SessionState.NEW
        if name == "takes arguments":
            return
        asked = giving("secret")  # now the second login is the one that fails
        async with in_memory(server, clock, Password("admin", password)) as cloud:
            await clock.drive(cloud.open())
            asked = ask
            with suppress(CloudAuthError):
                await clock.drive(cloud.login(), limit=DEFAULT.renewal_timeout)
            assert await status(cloud) == 200
            asked = giving("secret")
            server.revoke_all()
            assert await clock.drive(status(cloud), limit=120.0) == 200
            assert cloud.last_error is None


REENTRANT: dict[str, Callable[[CloudSession], Awaitable[Any]]] = {
    "get": lambda cloud: cloud.get("/secrets"),
    "refresh": lambda cloud: cloud.refresh(),
    "login": lambda cloud: cloud.login(),
    "login with others": lambda cloud: cloud.login(Password("admin", "secret")),
    "open": lambda cloud: cloud.open(),
    "logout": lambda cloud: cloud.logout(),
    "close": lambda cloud: cloud.close(),
}


@pytest.mark.parametrize("name", REENTRANT)
@pytest.mark.parametrize("when", ["open", "login"])
async def test_a_callable_that_uses_its_own_session_ends(when: str, name: str) -> None:
    """It waits for itself: the attempt's bound ends that, or `close` does."""
    clock = ManualClock(sockets=False)
    times = 0

    async def password() -> str:
        nonlocal times
        times += 1
        if times == (1 if when == "open" else 2):
            await REENTRANT[name](cloud)
        return "secret"

    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, Password("admin", password)) as cloud,
    ):
        with suppress(CloudAuthError):
            await clock.drive(cloud.open(), limit=2 * DEFAULT.renewal_timeout)
        if when == "login":
            server.revoke_all()
            with suppress(CloudAuthError):
                await clock.drive(cloud.login(), limit=2 * DEFAULT.renewal_timeout)
        if name == "close":
            with pytest.raises(SessionClosedError):
                await cloud.get("/x")
        elif name == "logout" and when == "login":
            await clock.drive(cloud.login())
            assert await status(cloud) == 200
        else:
            await clock.drive(cloud.open(), limit=2 * DEFAULT.renewal_timeout)
            assert await clock.drive(status(cloud), limit=120.0) == 200


async def test_a_secret_rotated_in_the_middle_of_a_renewal_is_the_next_one() -> None:
    """The attempt ends with what it began with, and the next asks anew."""
    clock = ManualClock(sockets=False)
    secret = "secret"

    async def password() -> str:
        return secret

    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, Password("admin", password)) as cloud,
    ):
        await clock.drive(cloud.open())
        server.script(Fault("_login", (Late(3.0),), times=1))
        login = asyncio.ensure_future(cloud.login())
        await clock.advance(2.0)
        secret = "changed"
        server.users.put("admin", "changed")
        await clock.drive(login)
        server.revoke_all()
        assert await clock.drive(status(cloud), limit=120.0) == 200


# -- subscribers and log handlers ----------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError("x"), asyncio.CancelledError(), RecursionError(), StopIteration()]
)
async def test_a_subscriber_that_raises_stops_nothing(error: BaseException) -> None:
    """Neither the renewal nor the request during which it was called."""
    clock = ManualClock(sockets=False)
    heard: list[Event] = []

    def raises(record: Event) -> None:
        heard.append(record)
        raise error

    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, on_event=raises) as cloud,
    ):
        await clock.drive(cloud.open())
        server.fail_next("_refresh", status=500)
        with pytest.raises(CloudAuthError):
            await clock.drive(cloud.refresh())
        server.revoke_all()
        server.fail_next("_login", status=500, times=2)
        assert await clock.drive(status(cloud), limit=60.0) == 200
        await clock.advance(3_000.0)
        assert server.stats.refreshes > 1
    assert sum(isinstance(record, RenewalFailed) for record in heard) == 3


async def test_a_log_handler_that_raises_stops_nothing() -> None:
    """A full disk is no reason to lose a session."""
    clock = ManualClock(sockets=False)

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError(28, "No space left on device")

    handler, logger = Full(), logging.getLogger("aiocloudauth")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        async with (
            CloudServer(clock=clock) as server,
            in_memory(server, clock, on_event=raising_at_once) as cloud,
        ):
            await clock.drive(cloud.open())
            server.revoke_all()
            server.fail_next("_login", status=500, times=2)
            server.script(Fault("_logout", (Silence(),)))
            assert await clock.drive(status(cloud), limit=60.0) == 200
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def raising_at_once(record: Event) -> None:
    """Raise, so that this is logged, too."""
    raise ValueError(type(record).__name__)


async def test_a_subscriber_may_use_the_session_it_hears_of() -> None:
    """Subscribe, unsubscribe, reject, start requests, and close, from within a callback."""
    clock = ManualClock(sockets=False)
    tasks: list[asyncio.Future[Any]] = []
    heard: list[str] = []

    async with CloudServer(clock=clock, token_lifetime=600.0) as server:
        refresher = TokenRefresher(
            server.url,
            Password("admin", "secret"),
            clock=clock,
            auth_connector=server.connector(),
        )

        unsubscribe: list[Callable[[], None]] = []

        def inner(record: Event) -> None:
            heard.append(type(record).__name__)
            unsubscribe.pop()()

        def outer(record: Event) -> None:
            current = refresher.current
            if isinstance(record, LoggedIn) and current is not None:
                unsubscribe.append(refresher.subscribe(inner))
                tasks.append(asyncio.ensure_future(refresher.refresh()))
                refresher.reject(current)
                refresher.reject(current)
            elif len(heard) == 1 and len(tasks) < 3:
                tasks.append(asyncio.ensure_future(refresher.usable()))
                tasks.append(asyncio.ensure_future(refresher.close()))

        refresher.subscribe(outer)
        with suppress(CloudAuthError):
            await clock.drive(refresher.open())
        await clock.advance(60.0)
        await clock.drive(refresher.close())
        assert all(task.done() for task in tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(heard) == 1


# -- numbers -------------------------------------------------------------------------------

TINY, HUGE = 1e-9, 1e9
FIELDS = [field.name for field in attrs.fields(RenewalPolicy) if field.name != "max_body"]


@pytest.mark.parametrize("value", [TINY, HUGE])
@pytest.mark.parametrize("field", [*FIELDS, "all"])
async def test_the_least_and_the_most_of_every_number_hang_nothing(
    field: str, value: float
) -> None:
    """A session with an unwise policy opens, or says why not, renews, and closes."""
    changed: dict[str, Any] = dict.fromkeys(FIELDS, value) if field == "all" else {field: value}
    policy, clock = attrs.evolve(DEFAULT, **changed), ManualClock(sockets=False)
    async with (
        CloudServer(clock=clock) as server,
        in_memory(server, clock, policy=policy) as cloud,
    ):
        with suppress(CloudAuthError, TimeoutError):  # a caller who waits for an hour, no more
            await clock.drive(cloud.open(), limit=3_600.0)
            assert await clock.drive(status(cloud), limit=3_600.0) == 200
            server.fail_next("_refresh", status=500)
            with suppress(CloudAuthError, TimeoutError):
                await clock.drive(cloud.refresh(), limit=3_600.0)
            server.clear_faults()
            server.revoke_all()
            assert await clock.drive(status(cloud), limit=3_600.0) == 200


@pytest.mark.parametrize("lifetime", [0.05, 0.5, 1.0, 1.9, 3.0, 10.0, 3_600.0, 1e6])
async def test_a_token_of_any_life_is_followed_by_another(lifetime: float) -> None:
    """LESSONS: margin longer than the life: a renewal per call. Here: never below the floor."""
    clock = ManualClock(sockets=False)
    async with (
        CloudServer(clock=clock, token_lifetime=lifetime) as server,
        in_memory(server, clock) as cloud,
    ):
        with suppress(InvalidResponseError):
            await clock.drive(cloud.open())
        span = min(20 * lifetime, 1e6)
        attempts = server.stats.login_attempts + server.stats.refresh_attempts
        await clock.advance(span)
        made = server.stats.login_attempts + server.stats.refresh_attempts - attempts
        assert made <= span / DEFAULT.min_interval + 2
        assert made >= min(span / lifetime, span / (2 * DEFAULT.min_interval)) - 2


@pytest.mark.parametrize(
    "start", [0.0, -1e9, 4e9, 2.5e11], ids=["1970", "1938", "2096", "the year 9892"]
)
async def test_a_machine_without_a_calendar_has_a_session(start: float) -> None:
    """A clock that lost its battery: the server's `Date` is what tokens are judged by."""
    clock = ManualClock(start=start, sockets=False)
    async with CloudServer(clock=clock) as server, in_memory(server, clock) as cloud:
        server.clock_skew = 1_767_225_600.0 - start
        await clock.drive(cloud.open())
        for _ in range(20):
            await clock.advance(600.0)
            assert await status(cloud) == 200
        assert server.stats.unauthorized == 0
        assert server.stats.login_attempts + server.stats.refresh_attempts < 20


async def test_a_clock_that_jumps_about_causes_neither_a_storm_nor_a_dead_token() -> None:
    """LESSONS: skewed client clock: storm or dead tokens. Steps of years, both ways, suspends."""
    clock = ManualClock(sockets=False)
    async with CloudServer(clock=clock) as server, in_memory(server, clock) as cloud:
        await clock.drive(cloud.open())
        for jump in (3e8, -6e8, 1.0, -1.0, 600.0, -600.0, 1e5, 3e8, -1e5, -3e8):
            clock.step(jump)
            assert await clock.drive(status(cloud), limit=120.0) == 200
            await clock.advance(45.0)
            clock.suspend(abs(jump) % 4_000.0)
            assert await clock.drive(status(cloud), limit=120.0) == 200
            await clock.advance(45.0)
        assert server.stats.unauthorized == 0
        assert server.stats.login_attempts + server.stats.refresh_attempts <= 25


# -- crowds --------------------------------------------------------------------------------


async def test_10_000_open_at_once_are_one_login() -> None:
    """Whoever opens a session that is being opened waits for it."""
    clock = ManualClock(sockets=False)
    async with CloudServer(clock=clock) as server:
        server.script(Fault("_login", (Status(503),), times=2))
        cloud = CloudSession(
            server.url, Password("admin", "secret"), clock=clock, auth_connector=server.connector()
        )
        opened = asyncio.gather(*(cloud.open() for _ in range(10_000)))
        assert set(await clock.drive(opened)) == {cloud}
        assert server.stats.logins == 1
        await clock.drive(cloud.close())


async def test_a_crowd_of_everything_at_once_ends() -> None:
    """A thousand callers each of usable, refresh, login, reject and logout, then close."""
    clock = ManualClock(sockets=False)
    async with CloudServer(clock=clock) as server:
        refresher = TokenRefresher(
            server.url, Password("admin", "secret"), clock=clock, auth_connector=server.connector()
        )
        await clock.drive(refresher.open())
        token = refresher.current
        assert token is not None

        async def reject() -> None:
            refresher.reject(token)
            await asyncio.sleep(0)
            await refresher.usable()

        others = Password("admin", "secret")
        callers = [
            asyncio.ensure_future(call)
            for _ in range(1_000)
            for call in (refresher.usable(), refresher.refresh(), refresher.login(), reject())
        ]
        callers += [asyncio.ensure_future(refresher.login(others)) for _ in range(5)]
        await clock.advance(20.0)
        callers += [asyncio.ensure_future(refresher.logout()) for _ in range(100)]
        callers += [asyncio.ensure_future(refresher.usable()) for _ in range(100)]
        await clock.drive(refresher.close())
        done, pending = await asyncio.wait(callers, timeout=5)
        assert not pending
        errors = {type(caller.exception()) for caller in done if caller.exception() is not None}
        assert all(issubclass(error, CloudAuthError) for error in errors)
        assert server.stats.login_attempts + server.stats.refresh_attempts <= 12


@pytest.mark.parametrize("credentials", [ApiKey("key"), Bearer("token")])
async def test_a_session_for_every_request_leaves_nothing(credentials: Credentials) -> None:
    """As careless programs do it: slow, and no leak."""
    async with CloudServer() as server:
        before = len(asyncio.all_tasks())
        for _ in range(200):
            async with CloudSession(server.url, credentials, logout_on_close=False):
                pass
        assert len(asyncio.all_tasks()) == before
