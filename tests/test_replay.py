"""What makes the middleware renew and replay, what does not, and what the caller gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth import (
    ApiError,
    ApiKey,
    AuthenticationError,
    Bearer,
    CloudSession,
    NotFoundError,
    Password,
    PermissionDeniedError,
    RenewalPolicy,
    RequestReplayed,
    SessionExpiredError,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import Body, CloudServer, Effect, Late, ManualClock, Raw, Reset, Status

if TYPE_CHECKING:
    from aiocloudauth import Event
    from aiocloudauth.testing import Arrival

#: Attempts may follow one another at once; everything else is the default.
QUICK = RenewalPolicy(min_interval=0.01)

CODES = "x-cloud-error-codes"


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), **({"policy": QUICK} | options))


def seen(arrivals: list[Arrival]) -> list[tuple[int | None, int | None]]:
    """Give the status and the generation of the token of each arrival."""
    return [(arrival.status, arrival.generation) for arrival in arrivals]


def refusal(*codes: str) -> str:
    """Write the body of an error with these codes."""
    return json.dumps({"errors": [{"code": code, "message": "No."} for code in codes]})


async def test_a_token_that_was_waited_for_and_is_refused_is_replaced_once_more() -> None:
    """The request remembers what it was sent with, also where it waited for that."""
    clock = ManualClock()
    async with (
        CloudServer(token_lifetime=60.0, clock=clock) as server,
        session(server, clock=clock, policy=RenewalPolicy()) as cloud,
    ):
        clock.suspend(100.0)
        server.fail_next("/x", status=401, code="root.unauthorized")
        response = await clock.drive(cloud.get("/x"))
        assert response.status == 200
        response.release()
        assert seen(server.log.to("/x")) == [(401, 2), (200, 3)]


@pytest.mark.parametrize(
    "refused",
    [
        Status(401, "root.unauthorized"),
        Status(401, "root.unauthenticated"),
        Status(401),
        Body("", 401, "text/plain", {CODES: "root.unauthorized"}),
        Body("", 401, "text/plain", {CODES: "root.unauthenticated, root.unauthorized"}),
        Body(refusal("root.unauthorized"), 401),
        Body(refusal("root.unauthenticated"), 401),
        Body("<html>Who are you?</html>", 401, "text/html"),
        Body(b"", 401),
        Body(b"\xff\xfe{", 401),
        Body("x" * 5_000, 401),
        # Longer than is read of it: what it says does not count.
        Body(refusal("templates.region_not_allowed") + " " * 5_000, 401),
        # Cut short, and not what its Content-Encoding says.
        Raw(b"HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\nabc"),
        Raw(b"HTTP/1.1 401 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
    ],
    ids=str,
)
async def test_a_refused_token_is_renewed_and_the_request_sent_once_more(refused: Effect) -> None:
    """The code may be in the header, only in the body, or nowhere."""
    replayed: list[Event] = []
    policy = RenewalPolicy(min_interval=0.01, max_body=4_096)
    async with CloudServer() as server, session(server, policy=policy) as cloud:
        cloud.subscribe(replayed.append)
        server.fail_next("/x", refused)
        async with cloud.get("/x?secret=1") as response:
            assert await response.json() == {"method": "GET", "path": "/api/v1/x", "user": "admin"}
        assert seen(server.log.to("/x"))[1] == (200, 2)
        assert len(server.log.to("/x")) == 2
        assert server.stats.logins + server.stats.refreshes == 2
    told = [event for event in replayed if isinstance(event, RequestReplayed)]
    assert [(event.method, event.url) for event in told] == [("GET", f"{server.url}/api/v1/x")]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "comments.unauthorised", PermissionDeniedError),
        (401, "comments.no_user_id", PermissionDeniedError),
        (401, "extensions.unauthorised", PermissionDeniedError),
        (401, "extensions.no_user_id", PermissionDeniedError),
        (401, "templates.region_not_allowed", PermissionDeniedError),
        (401, "user.not_found", AuthenticationError),
        (401, "root.unauthorized.rbac", PermissionDeniedError),
        (403, "root.unauthorized", UnauthorizedError),
        (403, "root.unauthorized.rbac", PermissionDeniedError),
        (403, None, PermissionDeniedError),
        (404, "root.unauthorized", UnauthorizedError),
    ],
)
@pytest.mark.parametrize("only_in_the_body", [False, True])
async def test_other_401_codes_and_403_renew_nothing(
    status: int,
    code: str | None,
    kind: type[ApiError],
    only_in_the_body: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Invariant: at most one replay, and never for an answer that no new token changes."""
    effect: Effect = Status(status, code)
    if only_in_the_body:
        effect = Body(refusal(code) if code else "{}", status)
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", effect, times=2)
        with pytest.raises(kind) as caught:
            await cloud.get("/x")
        assert type(caught.value) is kind
        assert caught.value.codes == ((code,) if code else ())
        # What was read for its code is still there for the caller.
        async with cloud.get("/x", raise_for_status=False) as response:
            document = await response.json()
            assert [e["code"] for e in document.get("errors", ())] == ([code] if code else [])
        assert seen(server.log.to("/x")) == [(status, 1), (status, 1)]
        assert (server.stats.logins, server.stats.refreshes) == (1, 0)


@pytest.mark.parametrize("beyond", [0, 1])
async def test_what_a_refusal_says_counts_up_to_the_bound(beyond: int) -> None:
    """`max_body` bytes are read; an answer of one more is as good as one without a code."""
    said = refusal("templates.region_not_allowed").ljust(1_000)
    policy = RenewalPolicy(min_interval=0.01, max_body=1_000)
    async with CloudServer() as server, session(server, policy=policy) as cloud:
        server.fail_next("/x", Body(said + " " * beyond, 401))
        async with cloud.get("/x", raise_for_status=False) as response:
            assert response.status == (200 if beyond else 401)
        assert server.generation == 1 + beyond


async def test_several_codes_are_a_refusal_only_if_all_are() -> None:
    """The header is one string, split on commas and white space."""
    async with CloudServer() as server, session(server) as cloud:
        both = Body(
            "", 401, "text/plain", {CODES: "root.unauthorized templates.region_not_allowed"}
        )
        server.fail_next("/x", both)
        with pytest.raises(ApiError):
            await cloud.get("/x")
        assert len(server.log.to("/x")) == 1


@pytest.mark.parametrize("code", ["root.unauthorized", "root.unauthenticated", None])
@pytest.mark.parametrize("raising", [True, False])
async def test_a_401_that_persists_after_the_replay_is_the_answer(
    code: str | None,
    raising: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """Exactly two requests, one renewal, and the second answer rejects no token."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", status=401, code=code, times=2)
        if raising:
            with pytest.raises(UnauthorizedError) as caught:
                await cloud.get("/x")
            assert caught.value.status == 401
        else:
            async with cloud.get("/x", raise_for_status=False) as response:
                assert response.status == 401
                assert (await response.json()).keys() & {"errors", "message"}
        assert seen(server.log.to("/x")) == [(401, 1), (401, 2)]
        assert cloud.token is not None
        assert cloud.token.generation == 2
        async with cloud.get("/x") as response:
            assert response.status == 200
        assert server.generation == 2


@pytest.mark.parametrize("size", [0, 1_000_000])
@pytest.mark.parametrize("header", [True, False])
async def test_a_refusal_with_a_large_body_does_not_block_a_pool_of_one(
    size: int,
    header: bool,  # noqa: FBT001 - pytest hands parameters over by name
) -> None:
    """LESSONS: 401 retry without releasing the response deadlocks (`limit=1`, 1 MB body)."""
    headers = {CODES: "root.unauthorized"} if header else {}
    async with CloudServer() as server:
        connector = aiohttp.TCPConnector(limit=1)
        async with session(server, connector=connector, timeout=5) as cloud:
            server.fail_next("/x", Body(b"x" * size, 401, headers=headers))
            async with cloud.post("/x", data=b"whole") as response:
                assert response.status == 200
            assert server.log.to("/x")[-1].body == b"whole"
            assert len(server.log.to("/x")) == 2


async def test_a_request_in_flight_at_the_swap_completes() -> None:
    """A token that is replaced is not taken back from those who were sent with it."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock=clock) as cloud:
        slow = asyncio.create_task(cloud.get("/x?delay=5").__aenter__())
        await clock.settle()
        assert seen(server.log.to("/x")) == [(None, 1)]
        await clock.drive(cloud.refresh())
        async with cloud.get("/y") as response:
            assert response.status == 200
        await clock.advance(5.0)
        assert (await slow).status == 200
        assert seen(server.log.to("/x")) == [(200, 1)]
        assert seen(server.log.to("/y")) == [(200, 2)]


async def test_a_late_refusal_of_an_old_token_does_not_harm_the_new_one() -> None:
    """LESSONS: stale 401s each discard the new token; here a rejection names its token."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock=clock) as cloud:
        server.fail_next("/x", Late(5.0), Status(401, "root.unauthorized"), times=20)
        late = [asyncio.create_task(cloud.get("/x").__aenter__()) for _ in range(20)]
        await clock.settle()
        await clock.drive(cloud.refresh())
        await clock.advance(5.0)
        answers = await asyncio.gather(*late)
        assert [answer.status for answer in answers] == [200] * 20
        assert server.generation == 2
        assert {arrival.generation for arrival in server.log.to("/x")[20:]} == {2}


async def test_a_static_key_is_never_renewed_and_the_answer_stays_whole() -> None:
    """An API key has no successor: the 401 is the caller's, with its body unread."""
    async with CloudServer() as server:
        async with CloudSession(server.url, ApiKey("unknown"), policy=QUICK) as cloud:
            with pytest.raises(UnauthenticatedError) as caught:
                await cloud.get("/x")
            assert caught.value.codes == ("root.unauthenticated",)
            server.fail_next("/x", Body(b"y" * 3_000_000, 401))
            async with cloud.get("/x", raise_for_status=False) as response:
                assert await response.read() == b"y" * 3_000_000
        assert len(server.log.to("/x")) == 2
        assert server.stats.login_attempts + server.stats.refresh_attempts == 0


async def test_a_key_from_a_callable_is_asked_for_again_and_the_request_replayed() -> None:
    """Rotated secrets are picked up: the key that the callable gives next is sent."""
    keys = iter(["old", "new", "newer"])

    async def key() -> str:
        return next(keys)

    async with CloudServer() as server:
        async with CloudSession(server.url, ApiKey(key), policy=QUICK) as cloud:
            server.fail_next("/x", status=401)
            server.fail_next("/x", Body("", 200))
            async with cloud.get("/x") as response:
                assert response.status == 200
        sent = [arrival.headers["Authorization"] for arrival in server.log.to("/x")]
        assert sent == ["ApiKey old", "ApiKey new"]


async def test_without_a_successor_the_request_gets_the_typed_error_and_its_cause() -> None:
    """A static token that is refused by the API and by `_refresh`: nothing is left."""
    async with CloudServer() as server:
        async with CloudSession(server.url, Bearer("dead"), policy=QUICK) as cloud:
            with pytest.raises(SessionExpiredError) as caught:
                await cloud.get("/x")
            assert isinstance(caught.value.__cause__, UnauthorizedError)
        assert len(server.log.to("/x")) == 1


async def test_a_password_refused_meanwhile_reaches_the_request_as_that() -> None:
    """LESSONS: login loop with a bad password locks the account; one login, then a typed error."""
    async with CloudServer() as server, session(server) as cloud:
        server.users.put("admin", "changed")
        server.revoke_all()
        for _ in range(3):
            with pytest.raises(UnauthenticatedError):
                await cloud.get("/x")
        assert server.stats.login_attempts == 2


async def test_the_time_for_reading_a_refusal_counts_against_the_callers_total() -> None:
    """A 401 without a code whose body never ends is bounded by the caller's own timeout."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 50\r\n\r\n")
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        key = ApiKey("key")
        async with CloudSession(f"http://127.0.0.1:{port}", key, timeout=0.2) as cloud:
            with pytest.raises(TimeoutError):
                await cloud.get("/x")


async def test_a_connection_lost_in_the_replay_is_the_callers_error() -> None:
    """A replay is one more sending and not one more chance: its failures are passed on."""
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", status=401, code="root.unauthorized")
        server.fail_next("/x", Reset())
        with pytest.raises(aiohttp.ClientConnectionError):
            await cloud.post("/x", data=b"x")
        assert [arrival.generation for arrival in server.log.to("/x")] == [1, 2]


async def test_a_replay_can_be_cancelled() -> None:
    """As a first sending can; the token that was obtained for it stays."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server, session(server, clock=clock) as cloud:
        server.revoke_all()
        task = asyncio.create_task(cloud.post("/x?delay=5", data=b"x").__aenter__())
        await clock.advance(0.1)
        assert seen(server.log.to("/x")) == [(401, 1), (None, 2)]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with cloud.get("/y") as response:
            assert response.status == 200
        assert server.generation == 2


@pytest.mark.parametrize("pause", [0.0, 0.01])
@pytest.mark.parametrize("status", [200, 404])
async def test_a_cancellation_that_a_middleware_swallows_ends_as_that_middleware_says(
    status: int, pause: float
) -> None:
    """As aiohttp's own return value does; an answer of 400 or more still raises."""
    arrived = asyncio.Event()

    async def stubborn(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        arrived.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        if pause:
            await asyncio.sleep(pause)
        return response

    async with CloudServer() as server, session(server, middlewares=[stubborn]) as cloud:
        server.fail_next("/x", Body("{}", status))
        task = asyncio.create_task(cloud.get("/x"))
        await arrived.wait()
        task.cancel()
        if status == 200:
            assert (await task).status == 200
        else:
            with pytest.raises(NotFoundError):
                await task
