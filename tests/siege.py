"""A session under siege: the real client against a server and a clock that do what they like.

`Siege` is a Hypothesis state machine. Each of its rules does one thing to a `CloudSession` on
virtual time, whose requests and renewals reach a `CloudServer` in memory. What is promised is
judged by the server's side of the story and by what callers get; each promise has a number,
and a run judges those it is told to.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import math
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import aiohttp
from attrs import define
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aiocloudauth import (
    ApiError,
    Bearer,
    BodyNotReplayableError,
    CloudAuthError,
    CloudSession,
    LoggedIn,
    NoAuthenticationClusterError,
    Password,
    RenewalFailed,
    RenewalPolicy,
    SessionClosed,
    SessionClosedError,
    SessionExpiredError,
    SessionLost,
    SessionState,
    TokenRenewed,
    UnauthenticatedError,
    UnauthorizedError,
)
from aiocloudauth.testing import (
    CloudServer,
    ClusterError,
    Effect,
    EmptyReply,
    Fault,
    Html,
    Late,
    ManualClock,
    NoCluster,
    PastExpiry,
    Reset,
    Silence,
    Status,
    TooManyRequests,
    Truncated,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from aiocloudauth import Credentials, Event
    from aiocloudauth.testing.answers import Answer
    from aiocloudauth.testing.effect import Proceed
    from aiocloudauth.testing.realm import Realm

__all__ = ["Siege", "besiege"]

POLICY: Final = RenewalPolicy(backoff_max=20.0)

#: What an attempt at a token may meet.
EFFECTS: Final[tuple[Effect, ...]] = (
    ClusterError(),
    Status(500, "root.internal"),
    Status(401, "root.unauthorized"),
    Status(401, "root.unauthenticated"),
    Status(403, "root.unauthorized.rbac"),
    TooManyRequests(retry_after=7.0),
    NoCluster(),
    Html(502),
    Reset(),
    Reset(at=20, after_work=True),
    EmptyReply(after_work=True),
    Silence(),
    Silence(after_work=True),
    Late(3.0),
    Late(25.0),
    Truncated(0.5),
    PastExpiry(60.0),
)

#: Rounding of instants, seconds: ECE's expiry has milliseconds.
ROUNDING: Final = 2e-3

#: ``Date`` has no fractions of a second, so that a token may be taken to end that much sooner.
DATE: Final = 1.0

BODY: Final = b"a body that has to arrive whole" * 50
WHOLE: Final = hashlib.sha256(BODY).hexdigest()

#: What a request may be: how its path begins, and what it sends.
KINDS: Final = ("get", "bytes", "json", "file", "generator", "slow")

#: What the server answers below these, whatever token comes.
ODD_PATHS: Final = {
    "forbidden": Status(403, "root.unauthorized.rbac"),
    "odd": Status(401, "comments.unauthorised"),
    "refuse": Status(401, "root.unauthorized"),
    "nocode": Status(401),
}


@define(eq=False)
class Issued:
    """A token that `_login` or `_refresh` answered with; instants of true time."""

    number: int
    #: What the client may know of its end: the answer's word, for a bare token also a guess.
    expires: tuple[datetime | None, ...]
    ends_at: float
    last_use: float

    #: When it was revoked, or the client was told something that must make it think so.
    dead_at: float = math.inf

    def good(self, start: float, end: float) -> bool:
        """Tell whether it could be sent, and would be taken, from `start` to `end`."""
        return end < min(self.last_use, self.dead_at) and start <= end


@define(eq=False)
class Call:
    """A caller: a task that nobody but the siege cancels."""

    name: str
    task: asyncio.Task[Any]
    began: float
    number: int = 0
    kind: str = ""
    odd: str = ""
    group: int = 0
    held: Issued | None = None
    ended: float = math.nan
    cancelled: bool = False
    closed_meanwhile: bool = False

    @property
    def error(self) -> BaseException | None:
        """What it raised."""
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()


class _Watch(Effect):
    """Stands in front of the authentication API: plays faults, notes what happens."""

    name: ClassVar[str] = "watch"

    def __init__(self, siege: Siege, path: str) -> None:
        self._siege = siege
        self._path = path

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        return await self._siege.watched(realm, proceed, self._path)


class _Refusal(Effect):
    """A 401 about the token that came, however good it is."""

    name: ClassVar[str] = "refusal"

    def __init__(self, siege: Siege, answer: Effect) -> None:
        self._siege = siege
        self._answer = answer

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        # It was noted in this very step of the loop.
        self._siege.told_dead(self._siege.server.log[-1].generation)
        return await self._answer.apply(realm, proceed)


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Siege(RuleBasedStateMachine):
    """One session, from its opening to its close."""

    #: The numbers of the promises that this run judges.
    judged: ClassVar[frozenset[int]] = frozenset(range(1, 15))

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(self._complain)
        self.records = _Records()
        self.log = logging.getLogger("aiocloudauth")
        self.log.addHandler(self.records)
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.tokens: dict[str, Issued] = {}
        self.held: Issued | None = None
        self.faults: deque[Effect] = deque()
        self.out = False
        # Attempts at a token as the server saw them.
        self.under_way = 0
        self.aborted = 0
        self.attempts = 0
        self.last_attempt = -math.inf
        self.started_at: float | None = None
        self.refresh_refused = False
        self.last_failed = False
        self.failed_attempts = 0
        self.abandoned = 0
        self.newest = (0, 0)
        self.on_the_wire = 0
        self.seen = 0
        self.logged_out = False
        self.logouts_told = 0
        self.closing = False
        self.closed = False
        self.password = "secret"
        self.vault = "secret"
        self.groups = 0
        self.trials = 0

    # -- set-up ---------------------------------------------------------------------------

    @initialize(
        kind=st.sampled_from(["password", "password", "callable", "bearer"]),
        life=st.sampled_from([1200.0, 300.0, 60.0]),
        skew=st.sampled_from([0.0, 0.0, 900.0, -900.0, 1.6]),
        revoking=st.booleans(),
        cap=st.sampled_from([None, None, 1500.0]),
        at_cap=st.sampled_from(["stop", "refuse"]),
        first=st.lists(st.sampled_from(EFFECTS[:2] + EFFECTS[7:11]), max_size=2),
        seed=st.integers(0, 2**32),
    )
    def opens(
        self,
        kind: str,
        life: float,
        skew: float,
        revoking: bool,  # noqa: FBT001 - Hypothesis calls with keywords
        cap: float | None,
        at_cap: Literal["stop", "refuse"],
        first: list[Effect],
        seed: int,
    ) -> None:
        """Start the server and open the session."""
        self.kind = kind
        self.life = life
        self.clock = ManualClock(seed=seed, sockets=False)
        self.server = CloudServer(
            token_lifetime=life,
            clock_skew=skew,
            revoke_on_refresh=revoking,
            max_session=cap,
            at_max_session=at_cap,
            clock=self.clock,
        )
        for name in ("login", "refresh", "logout"):
            path = f"/users/auth/_{name}"
            self.server.script(Fault(path, _Watch(self, name), optional=True))
        for name, answer in ODD_PATHS.items():
            effect = _Refusal(self, answer) if name in {"refuse", "nocode"} else answer
            self.server.script(Fault(f"/{name}/*", effect, optional=True))
        self.do(self._open(first))

    async def _open(self, first: list[Effect]) -> None:
        await self.server.start()
        credentials: Credentials
        if self.kind == "bearer":
            credentials = Bearer(await self._bearer())
        elif self.kind == "callable":
            credentials = Password("admin", self._ask)
        else:
            credentials = Password("admin", "secret")
        self.cloud = CloudSession(
            self.server.url,
            credentials,
            policy=POLICY,
            clock=self.clock,
            on_event=self._told,
            connector=self.server.connector(),
            auth_connector=self.server.connector(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self.faults.extend(first)
        await self.clock.drive(self.cloud.open())
        self.faults.clear()

    async def _bearer(self) -> str:
        """Get a token as somebody else would."""
        async with aiohttp.ClientSession(connector=self.server.connector()) as http:
            url = f"{self.server.url}/api/v1/users/auth/_login"
            body = {"username": "admin", "password": "secret"}
            async with http.post(url, json=body) as response:
                token: str = (await response.json())["token"]
        self.attempts, self.last_attempt = 0, -math.inf
        # The client is not told when it ends, and has to assume something.
        issued = self.tokens[token]
        (end,) = issued.expires
        assert end is not None
        issued.expires = (end, end.replace(microsecond=0), None)
        issued.last_use = issued.ends_at - 0.1 * self.life
        return token

    async def _ask(self) -> str:
        return self.vault

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something to the session, and look at what is always promised."""
        self.loop.run_until_complete(work)
        self.check()

    def now(self) -> float:
        """Return true time: it runs while the client is suspended, and is never stepped."""
        return self.clock.remote.monotonic()

    # -- what the server sees -------------------------------------------------------------

    async def watched(self, realm: Realm, proceed: Proceed, path: str) -> Answer:
        """Play the next fault, and note the call and its outcome."""
        if path == "logout":
            return await self._logged_out(proceed)
        self._begun(path)
        effect = self.faults.popleft() if self.faults else None
        if self.out:
            effect = ClusterError()
        fails = effect is not None and not isinstance(effect, Late)
        self.under_way += 1
        if self.under_way > 1:
            self.violated(1, "two renewals at once")
        ended = False

        async def noted(*, work: bool = True) -> Answer:
            answer = await proceed(work=work)
            if work and answer.status == 200:
                self._issued(realm, answer, path)
            return answer

        try:
            answer = await (noted() if effect is None else effect.apply(realm, noted))
            ended = answer.delivery is None or not answer.delivery.silent
        finally:
            self.under_way -= 1
            self.aborted += not ended
        refused = answer.status == 401
        self.refresh_refused = refused and path == "refresh" and answer.delivery is None
        self.last_failed = fails or answer.status >= 400
        return answer

    def _begun(self, path: str) -> None:
        at = self.now()
        same = path == "login" and self.refresh_refused
        self.refresh_refused = False
        if same:
            self.last_failed = False
            return
        self._count_failure()
        self.attempts += 1
        # In a call that ends without an answer.
        self.last_failed = True
        if at - self.last_attempt < POLICY.min_interval - 1e-6:
            self.violated(3, f"two attempts {at - self.last_attempt:.6f} s apart")
        # One that could not be sent before time jumped began before that.
        self.last_attempt = at if self.started_at is None else self.started_at
        self.started_at = None

    def _count_failure(self) -> None:
        """The last attempt is over."""
        self.failed_attempts += self.last_failed
        self.last_failed = False

    def _issued(self, realm: Realm, answer: Answer, path: str) -> None:
        at = self.now()
        if path == "refresh" and realm.sessions.policy.revoke_on_refresh:
            self._all_dead(at)
        document = json.loads(answer.body)
        expires = datetime.fromisoformat(document["session_expiration_time"])
        life = expires.timestamp() - realm.now()
        hard = min(
            POLICY.hard_margin,
            POLICY.hard_margin_fraction * life,
            min(POLICY.margin, POLICY.margin_fraction * life) / 2.0,
        )
        self.tokens[document["token"]] = Issued(
            realm.sessions.issued, (expires,), at + life, at + life - hard - DATE - ROUNDING
        )

    async def _logged_out(self, proceed: Proceed) -> Answer:
        self.logouts_told += 1
        effect = self.faults.popleft() if self.faults else None
        if effect is not None or self.out:
            return await (effect or ClusterError()).apply(self.server._realm, proceed)
        answer = await proceed()
        self._all_dead(self.now())
        return answer

    def told_dead(self, number: int | None) -> None:
        """Note that the client is told that a token is refused."""
        for token in self.tokens.values():
            if token.number == number:
                token.dead_at = min(token.dead_at, self.now())

    def _all_dead(self, at: float) -> None:
        for token in self.tokens.values():
            token.dead_at = min(token.dead_at, at)

    # -- what the client tells ------------------------------------------------------------

    def _told(self, event: Event) -> None:
        """Subscribe to the session's events; look at it in the middle of each."""
        self.events.append(event)
        if self.closed:
            self.violated(10, f"{event} after close")
        if not hasattr(self, "cloud"):
            return
        self._look_at_token()
        error = self.cloud.last_error
        match event:
            case RenewalFailed(retry_at=retry_at) if error is None and not self.logged_out:
                # The failure of other credentials is their caller's, not the session's.
                if not (self.trials and retry_at is None):
                    self.violated(11, f"{event} but no last_error")
            case LoggedIn() | TokenRenewed():
                if error is not None:
                    self.violated(11, f"{event} and still {error!r}")
                token = self.cloud.token
                if token is not None:
                    self.held = self.tokens.get(token.token.reveal())

    def _look_at_token(self) -> None:
        token = self.cloud.token
        if token is None:
            return
        if self.logged_out or self.closed:
            self.violated(10, "a token is published after logout or close")
            self.violated(4, "a late answer brought the session back")
        if token.session_expiration_time != self.cloud.session_expiration_time:
            self.violated(5, "token and expiry are read apart")
        issued = self.tokens[token.token.reveal()]
        if token.session_expiration_time not in issued.expires:
            self.violated(5, f"{token.session_expiration_time} is not of the token's answer")
        newest = (token.generation, issued.number)
        if newest < self.newest or (newest[0] == self.newest[0]) != (newest == self.newest):
            self.violated(4, f"generation and number {newest} after {self.newest}")
        self.newest = newest

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        # aiohttp's own, when its session is closed at the last piece of a body.
        if "ClientRequest.write_bytes" not in str(context.get("future")):
            self.complaints.append(str(context))

    # -- what is promised -----------------------------------------------------------------

    def violated(self, number: int, what: str) -> None:
        """Note that a promise was broken."""
        if number in self.judged:
            self.complaints.append(f"invariant {number}: {what}")

    def check(self) -> None:
        """Look at everything that can be seen between two rules."""
        if not self.closed:
            self._look_at_token()
        self._check_wire()
        if sum(not flight.cancelling() for flight in self.flights()) > 1:
            self.violated(1, f"{self.flights()}")
        for call in self.calls:
            if call.task.done():
                self._check_call(call)
        self.calls = [call for call in self.calls if not call.task.done()]
        self._check_silence()
        assert not self.complaints, self.complaints

    def flights(self) -> list[asyncio.Task[Any]]:
        """Return the client's own tasks."""
        return [task for task in asyncio.all_tasks(self.loop) if "renewal" in task.get_name()]

    def _check_wire(self) -> None:
        """Invariant 4, as the server sees it."""
        for arrival in list(self.server.log)[self.seen :]:
            self.seen += 1
            if self.closed:
                self.violated(10, f"{arrival} after close")
            if arrival.generation is None or "/users/auth" in arrival.path:
                continue
            if arrival.generation < self.on_the_wire:
                self.violated(4, f"{arrival} after a newer token was sent")
            self.on_the_wire = arrival.generation

    def _check_call(self, call: Call) -> None:
        error = call.error
        if isinstance(error, asyncio.CancelledError):
            if not call.cancelled:
                self.violated(2, f"{call.name} {call.number} was cancelled by another's end")
            return
        group = [one for one in self.calls if call.group and one.group == call.group]
        ends = {type(one.error) for one in group if one.task.done() and not one.cancelled}
        if len(ends) > 1:
            self.violated(1, f"callers of one renewal got {ends}")
        if call.name == "request":
            self._check_request(call, error)
        elif not isinstance(error, CloudAuthError | None):
            self.violated(11, f"{call.name} raised {error!r}")

    def _check_request(self, call: Call, error: BaseException | None) -> None:
        closed = call.closed_meanwhile
        held = call.held
        if error is not None and not closed and not self._is_typed(call, error):
            self.violated(11, f"request {call.kind}/{call.odd} raised {error!r}")
        if held is not None and not call.odd and not closed and held.good(call.began, call.ended):
            if error is not None and not call.cancelled:
                self.violated(6, f"{error!r} though {held} was good")
            waited = call.ended - call.began
            if waited > (0.5 if call.kind == "slow" else 0.0) + ROUNDING and not call.cancelled:
                self.violated(6, f"waited {waited:.3f} s though {held} was good")
        self._check_replay(call, error)

    def _is_typed(self, call: Call, error: BaseException) -> bool:
        if call.odd:
            expected: tuple[type[Exception], ...] = (ApiError, SessionExpiredError)
            return isinstance(error, (*expected, BodyNotReplayableError))
        if isinstance(error, SessionExpiredError):
            return True
        if isinstance(error, BodyNotReplayableError):
            return call.kind == "generator"
        return isinstance(
            error,
            UnauthenticatedError
            | NoAuthenticationClusterError
            | UnauthorizedError
            | SessionClosedError,
        ) or (isinstance(error, ApiError) and error.status == 403 and "_login" in error.url)

    def _check_replay(self, call: Call, error: BaseException | None) -> None:
        """Invariant 7, as the server sees it."""
        tail = f"/{call.number}"
        arrivals = [a for a in self.server.log if a.path.endswith(tail) and "/users/" not in a.path]
        if len(arrivals) > 2:
            self.violated(7, f"sent {len(arrivals)} times: {arrivals}")
        if len(arrivals) < 2:
            return
        first, second = arrivals[:2]
        if call.kind == "generator":
            self.violated(7, f"a consumed body was sent again: {arrivals}")
        if call.odd in {"forbidden", "odd"} or first.status != 401:
            self.violated(7, f"sent again after {first.status} {call.odd}")
        if (first.generation or 0) >= (second.generation or 0):
            self.violated(7, f"sent again with the same token: {arrivals}")
        if error is None and call.kind in {"bytes", "file"} and second.body_sha256 != WHOLE:
            self.violated(7, f"not the whole body the second time: {arrivals}")

    def _check_silence(self) -> None:
        """Invariant 11: every failure was told, logged, and is the last error."""
        failures = [event for event in self.events if isinstance(event, RenewalFailed)]
        if self.failed_attempts > len(failures) + self.abandoned:
            self.violated(11, f"{self.failed_attempts} attempts failed, {len(failures)} were told")
        lost = sum(isinstance(event, SessionLost) for event in self.events)
        warned = [r for r in self.records.records if r.levelno >= logging.WARNING]
        if len([r for r in warned if r.msg.startswith("renewal attempt")]) != len(failures):
            self.violated(11, "a failure is not in the log")
        if len([r for r in warned if r.msg.startswith("no usable token")]) != lost:
            self.violated(11, "the loss of the session is not in the log")
        if any(r.exc_info for r in warned):
            self.violated(11, f"an unforeseen exception: {[r.exc_info for r in warned]}")
        state, error = self.cloud.state, self.cloud.last_error
        if state is SessionState.DEGRADED and error is None:
            self.violated(11, "degraded, and nothing says why")
        if state is SessionState.ACTIVE and error is not None:
            self.violated(11, f"active with {error!r}")

    # -- rules: callers -------------------------------------------------------------------

    def call(self, name: str, work: Coroutine[Any, Any, Any], **details: Any) -> Call:
        """Start a caller."""
        held = self.held if not self.logged_out else None
        call = Call(name, self.loop.create_task(work), self.now(), held=held, **details)

        def ended(_: object) -> None:
            call.ended = self.now()
            call.closed_meanwhile = self.closing

        call.task.add_done_callback(ended)
        self.calls.append(call)
        return call

    def request(self, kind: str, odd: str = "") -> Call:
        """Start a request whose path names it."""
        number = self.numbered = getattr(self, "numbered", 0) + 1
        path = f"/{odd or kind}/{number}"
        options: dict[str, Any] = {}
        if kind == "bytes":
            options["data"] = BODY
        elif kind == "json":
            options["json"] = {"name": "cluster"}
        elif kind == "file":
            options["data"] = io.BytesIO(BODY)
        elif kind == "generator":
            options["data"] = _generated()
        elif kind == "slow":
            path += "?delay=0.5"
        method = "POST" if options else "GET"

        async def send() -> None:
            async with self.cloud.request(method, path, **options) as response:
                await response.read()

        return self.call("request", send(), number=number, kind=kind, odd=odd)

    @precondition(lambda self: not self.closed)
    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4), turns=st.integers(0, 30))
    def callers_send(self, kinds: list[str], turns: int) -> None:
        """Some at once, all on their way by so many turns of the loop."""
        self.do(self._send(kinds, turns))

    async def _send(self, kinds: list[str], turns: int) -> None:
        for kind in kinds:
            self.request(kind)
        await self._turn(turns)

    @rule(
        kind=st.sampled_from(KINDS),
        odd=st.sampled_from(sorted(ODD_PATHS)),
        turns=st.integers(0, 60),
    )
    def a_caller_sends_what_the_api_refuses(self, kind: str, odd: str, turns: int) -> None:
        """Forbidden; unauthorised in another sense; a token that it does not like."""

        async def send() -> None:
            self.request(kind, odd)
            await self._turn(turns)

        self.do(send())

    @rule(asked=st.sampled_from(["refresh", "refresh", "login"]), count=st.integers(1, 3))
    def callers_ask_for_a_renewal(self, asked: str, count: int) -> None:
        """At once: they share its outcome."""

        async def ask() -> None:
            self.groups += 1
            for _ in range(count):
                method: Callable[[], Coroutine[Any, Any, None]] = getattr(self.cloud, asked)
                self.call(asked, method(), group=self.groups)
            if asked == "login":
                self.logged_out = False
            await self.clock.settle()

        self.do(ask())

    @precondition(lambda self: all(call.name != "trial" for call in self.calls))
    @rule(right=st.booleans(), turns=st.integers(0, 30))
    def a_caller_logs_in_with_other_credentials(self, right: bool, turns: int) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """They are kept if they work. One such login at a time."""

        async def log_in() -> None:
            password = self.password if right else "wrong"
            self.logged_out = False
            self.trials += 1
            self.call("trial", self.cloud.login(Password("admin", password)))
            await self._turn(turns)

        self.do(log_in())

    @rule(turns=st.integers(0, 30))
    def a_caller_logs_out(self, turns: int) -> None:
        """What is under way is dropped, and must not bring the session back."""

        async def log_out() -> None:
            self.abandoned += 1
            self.call("logout", self.cloud.logout())
            await asyncio.sleep(0)
            self.logged_out = True
            self._all_dead(self.now())
            await self._turn(turns)

        self.do(log_out())

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), turns=st.integers(0, 40))
    def callers_are_cancelled(self, data: st.DataObject, turns: int) -> None:
        """Wherever they are; nobody else notices, least of all the renewal."""
        chosen = data.draw(st.lists(st.sampled_from(range(len(self.calls))), min_size=1))

        async def cancel() -> None:
            await self._turn(turns)
            under_way, aborted = self.under_way, self.aborted
            for index in set(chosen):
                call = self.calls[index]
                call.cancelled = not call.task.done()
                call.task.cancel()
            await self.clock.settle()
            if (under_way, aborted) != (self.under_way, self.aborted) and self.aborted > aborted:
                self.violated(2, "the renewal was cancelled with a caller")

        self.do(cancel())

    # -- rules: the server ----------------------------------------------------------------

    @rule(effects=st.lists(st.sampled_from(EFFECTS), min_size=1, max_size=4))
    def the_next_attempts_fail(self, effects: list[Effect]) -> None:
        """One after the other."""
        self.faults.extend(effects)

    @rule(out=st.booleans())
    def the_authentication_cluster_fails(self, out: bool) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """Or recovers."""
        self.out = out

    @rule()
    def all_tokens_are_revoked(self) -> None:
        """By an administrator, or by a restart."""
        self.server.revoke_all()
        self._all_dead(self.now())

    @rule(password=st.sampled_from(["secret", "other"]), vault=st.booleans())
    def the_password_changes(self, password: str, vault: bool) -> None:  # noqa: FBT001 - Hypothesis calls with keywords
        """The vault may know, or not yet."""
        self.password = password
        self.server.users.put("admin", password)
        if vault:
            self.vault = password

    # -- rules: time ----------------------------------------------------------------------

    @rule(share=st.sampled_from([0.0, 0.002, 0.02, 0.3, 0.72, 0.78, 0.96, 1.1]))
    def time_passes(self, share: float) -> None:
        """A share of a token's life."""
        self.do(self.clock.advance(share * self.life))

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.0, 10.0, 31.0]))
    def seconds_pass(self, seconds: float) -> None:
        """Some."""
        self.do(self.clock.advance(seconds))

    @rule(share=st.sampled_from([0.1, 0.8, 2.0]))
    def the_machine_is_suspended(self, share: float) -> None:
        """The monotonic clock stands still, the wall clock jumps."""
        self.do(self._suspend(share * self.life))

    async def _suspend(self, seconds: float) -> None:
        # Nobody can act meanwhile; what is under way was not made to wait by the client.
        for call in self.calls:
            call.held = None
        if self.flights() and not self.under_way:
            self.started_at = self.now()
        self.clock.suspend(seconds)
        await self.clock.settle()

    @rule(by=st.sampled_from([-3600.0, -900.0, -20.0, 20.0, 900.0, 3600.0]))
    def the_wall_clock_is_stepped(self, by: float) -> None:
        """Nothing tells a step forward from a suspend."""

        async def step() -> None:
            self.clock.step(by)
            if by > 0:
                self._all_dead(self.now())
                self.last_attempt = -math.inf
                if self.flights() and not self.under_way:
                    self.started_at = -math.inf
            await self.clock.settle()

        self.do(step())

    async def _turn(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    # -- the end --------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everybody is answered; then nothing is left of the session."""
        try:
            if hasattr(self, "cloud"):
                self._end()
        finally:
            self.log.removeHandler(self.records)
            if hasattr(self, "cloud") and not self.closed:  # something else failed
                self.loop.run_until_complete(self.clock.drive(self.cloud.close()))
            self.loop.run_until_complete(self.server._shut())
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _end(self) -> None:
        if len(self.calls) % 2 == 0:
            # Nobody waits for ever: 30 s for a token each, and the pace of a refused login.
            self.do(self.clock.advance(90.0))
            left = [call.name for call in self.calls if not call.task.done()]
            for number in (1, 2):
                if left:
                    self.violated(number, f"{left} still wait")
        self.do(self._close())
        self.do(self.clock.advance(3600.0))

    async def _close(self) -> None:
        silent = bool(self.faults)
        began = self.clock.monotonic()
        token, told = None, 0

        async def close() -> None:
            nonlocal token, told
            token, told = self.cloud.token, self.logouts_told
            self.closing = True
            self.abandoned += 1
            await self.cloud.close()

        await self.clock.drive(close())
        if self.clock.monotonic() - began > 2.0 + ROUNDING:
            self.violated(10, f"close took {self.clock.monotonic() - began:.3f} s")
        self._check_wire()
        self.closed = True
        ours = token is not None and self.kind != "bearer" and not silent
        if ours and self.logouts_told != told + 1:
            self.violated(10, "not logged out")
        await self.clock.settle()
        waiting = [call.name for call in self.calls if not call.task.done()]
        if waiting:
            self.violated(10, f"{waiting} wait after close")
        if self.cloud.token is not None or self.cloud.state is not SessionState.CLOSED:
            self.violated(10, f"{self.cloud.token} {self.cloud.state}")
        if self.flights():
            self.violated(10, f"tasks are left: {self.flights()}")
        if self.clock._timers.next_due() != math.inf:
            self.violated(10, "a timer is left")
        if not isinstance(self.events[-1], SessionClosed):
            self.violated(10, f"the last event is {self.events[-1]}")


async def _generated() -> AsyncIterator[bytes]:
    for start in range(0, len(BODY), 100):
        yield BODY[start : start + 100]
        await asyncio.sleep(0)


def besiege(*numbers: int, examples: int = 25, steps: int = 25, kind: type[Siege] = Siege) -> None:
    """Run the state machine, and judge these promises."""

    class Judged(kind):  # type: ignore[misc, valid-type]
        judged = frozenset(numbers)

    run_state_machine_as_test(
        Judged,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
