"""A session on virtual time, judged by what its server saw and what its callers got.

Each promise has the number of its invariant.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import Counter, deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import aiohttp

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
    Fault,
    Late,
    ManualClock,
)
from tests.verify.own_client import OwnClient
from tests.verify.stateful_values import DATE, ODD_PATHS, ROUNDING, WHOLE, Call, Issued

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiocloudauth import Credentials, Event, TokenRefresher
    from aiocloudauth.testing import Arrival
    from aiocloudauth.testing.effects import Proceed
    from aiocloudauth.testing.messages import Answer
    from aiocloudauth.testing.realm import Realm

POLICY: Final = RenewalPolicy(backoff_max=20.0)


class _Watch(Effect):
    """Stands in front of the authentication API: plays faults, notes what happens."""

    name: ClassVar[str] = "watch"

    def __init__(self, session: WatchedSession, path: str) -> None:
        self._session = session
        self._path = path

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        return await self._session.watched(realm, proceed, self._path)


class _Refusal(Effect):
    """A 401 about the token that came, however good it is."""

    name: ClassVar[str] = "refusal"

    def __init__(self, session: WatchedSession, answer: Effect) -> None:
        self._session = session
        self._answer = answer

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        # It was noted in this very step of the loop.
        self._session.told_dead(self._session.server.log[-1].generation)
        return await self._answer.apply(realm, proceed)


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class WatchedSession:
    """One session and its server, and what is promised of them."""

    #: The promises that are judged.
    judged: ClassVar[frozenset[int]] = frozenset(range(1, 15))

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(self._complain)
        self.cloud: CloudSession | OwnClient
        self.records = _Records()
        self.log = logging.getLogger("aiocloudauth")
        self.log.addHandler(self.records)
        self.log.setLevel(logging.DEBUG)
        self.calls: list[Call] = []
        self.events: list[Event] = []
        self.tokens: dict[str, Issued] = {}
        self.held: Issued | None = None
        self.faults: deque[Effect] = deque()
        self.out = False
        # Attempts at a token as the server saw them.
        self.under_way = 0
        self.attempts = 0
        self.last_attempt = -math.inf
        self.started_at: float | None = None
        self.refresh_refused = False
        self.cut_off: tuple[str, float] | None = None
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
        #: Renewals that were under way when a caller was cancelled.
        self.spared: set[asyncio.Task[Any]] = set()
        #: Renewals that were seen under way.
        self.seen_flights: set[asyncio.Task[Any]] = set()
        self.hasty: int | None = None
        self.ending = "at once"
        self.trials = 0

    # -- set-up ---------------------------------------------------------------------------

    def stage(self, seed: int, life: float, **options: Any) -> None:
        """Make a server, and its clock."""
        self.life = life
        self.clock = ManualClock(seed=seed, sockets=False)
        self.server = CloudServer(token_lifetime=life, clock=self.clock, **options)
        for name in ("login", "refresh", "logout"):
            path = f"/users/auth/_{name}"
            self.server.script(Fault(path, _Watch(self, name), optional=True))
        self.server.script(Fault("/users/auth", _Watch(self, "ask"), optional=True))
        for name, answer in ODD_PATHS.items():
            effect = _Refusal(self, answer) if name in {"refuse", "nocode"} else answer
            self.server.script(Fault(f"/{name}/*", effect, optional=True))

    async def open(self, kind: str, first: list[Effect], hasty: int | None, *, own: bool) -> None:
        """Open a session, or a client of one's own; a caller in haste gives up, and tries again."""
        await self.server.start()
        self.kind = kind
        options: dict[str, Any] = {
            "policy": POLICY,
            "clock": self.clock,
            "on_event": self.told,
            "connector": self.server.connector(),
            "auth_connector": self.server.connector(),
            "timeout": aiohttp.ClientTimeout(total=None),
        }
        make = OwnClient if own else CloudSession
        self.cloud = make(self.server.url, await self._credentials(), **options)
        self.faults.extend(first)
        if hasty is not None:
            opening = self.loop.create_task(self._given_up())
            await self._turn(hasty)
            opening.cancel()
            await self.clock.drive(asyncio.wait({opening}))
            if opening.cancelled():
                self.newest = (0, 0)  # nothing is held, and the next open starts over
            self.abandoned += 1
        await self.clock.drive(self.cloud.open())
        self.faults.clear()

    async def _given_up(self) -> None:
        try:
            await self.cloud.open()
        except asyncio.CancelledError:
            if self.flights():
                self.violated(2, f"an open that was given up left {self.flights()}")
            raise

    async def _credentials(self) -> Credentials:
        if self.kind == "bearer":
            return Bearer(await self._bearer())
        if self.kind == "callable":
            return Password("admin", self.ask)
        return Password("admin", "secret")

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
        # Nor what time it is there: by a clock that is slow there it has ended sooner.
        sooner = min(self.server.clock_skew, 0.0)
        issued.last_use = issued.ends_at - 0.1 * self.life + sooner
        return token

    async def ask(self) -> str:
        return self.vault

    @property
    def refresher(self) -> TokenRefresher:
        """The headless part of either client."""
        return self.cloud.refresher if isinstance(self.cloud, OwnClient) else self.cloud._refresher

    def flights(self) -> list[asyncio.Task[Any]]:
        """Return the client's own tasks."""
        return [task for task in asyncio.all_tasks(self.loop) if "attempt" in task.get_name()]

    async def _turn(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

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
        if path == "ask":
            return await self._asked(proceed)
        self._begun(path)
        effect = self.faults.popleft() if self.faults else None
        if self.out:
            effect = ClusterError()
        fails = effect is not None and not isinstance(effect, Late)
        self.under_way += 1
        if self.under_way > 1:
            self.violated(1, "two renewals at once")

        async def noted(*, work: bool = True) -> Answer:
            answer = await proceed(work=work)
            if work and answer.status == 200:
                self._issued(realm, answer, path)
            return answer

        try:
            answer = await (noted() if effect is None else effect.apply(realm, noted))
        finally:
            self.under_way -= 1
        refused = answer.status == 401
        if refused and path == "refresh" and self.kind == "bearer":
            # The token itself was refused, and there is nothing else to go on with.
            self._all_dead(self.now())
        self.refresh_refused = refused and path == "refresh" and answer.delivery is None
        self.last_failed = fails or answer.status >= 400
        if answer.delivery is not None:
            self.cut_off = (path, self.now())
        return answer

    async def _asked(self, proceed: Proceed) -> Answer:
        """Answer the question whether a token is good; it is no attempt at another one."""
        self.under_way += 1
        if self.under_way > 1:
            self.violated(1, "a question beside a renewal")
        try:
            return await (
                ClusterError().apply(self.server._realm, proceed) if self.out else proceed()
            )
        finally:
            self.under_way -= 1

    def _begun(self, path: str) -> None:
        at = self.now()
        # A connection that ends without an answer may have been an old one: the call is made again.
        same = (path, at) == self.cut_off or (path == "login" and self.refresh_refused)
        self.refresh_refused, self.cut_off = False, None
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
        if self.closing and self.flights():
            self.violated(10, f"logged out while {self.flights()} goes on")
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

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        # aiohttp's own, when its session is closed at the last piece of a body.
        if "ClientRequest.write_bytes" not in str(context.get("future")):
            self.complaints.append(str(context))

    # -- what the client tells ------------------------------------------------------------

    def told(self, event: Event) -> None:
        """Subscribe to the session's events; look at it in the middle of each."""
        self.events.append(event)
        if self.closed:
            self.violated(10, f"{event} after close")
        if not hasattr(self, "cloud"):
            return
        self._look_at_token()
        error = self.cloud.last_error
        match event:
            case RenewalFailed() if error is None and not self.logged_out:
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
        self._check_flights()
        for call in self.calls:
            if call.task.done():
                self._check_call(call)
        self.calls = [call for call in self.calls if not call.task.done()]
        self._check_silence()
        assert not self.complaints, self.complaints

    def check_closed(self, took: float) -> None:
        """Invariant 10, once `close` has returned after so many seconds."""
        if took > 2.0 + ROUNDING:
            self.violated(10, f"close took {took:.3f} s")
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

    def _check_flights(self) -> None:
        """Invariants 1, 2 and 11, as the client's own tasks tell."""
        flights = self.flights()
        if sum(not flight.cancelling() for flight in flights) > 1:
            self.violated(1, f"{flights}")
        cancelled = [flight for flight in self.spared if flight.cancelled() or flight.cancelling()]
        if cancelled:
            self.violated(2, f"a renewal was cancelled with a caller: {cancelled}")
        self.spared.clear()
        self.seen_flights.update(flights)
        over = {flight for flight in self.seen_flights if flight.done()}
        self.seen_flights -= over
        for flight in over:
            if not flight.cancelled() and flight.exception() is not None:
                self.violated(11, f"a renewal ended with {flight.exception()!r}")

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
        elif isinstance(error, aiohttp.ClientError) and call.closed_meanwhile:
            pass  # with a header of its own, the request was aiohttp's
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
        self._check_replay(call)

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

    def _check_replay(self, call: Call) -> None:
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
        before, after = first.generation or 0, second.generation or 0
        if before > after or (before == after and not self._was_doubted(first, second)):
            self.violated(7, f"sent again with the same token: {arrivals}")
        if second.status == 200 and call.kind in {"bytes", "file"} and second.body_sha256 != WHOLE:
            self.violated(7, f"not the whole body the second time: {arrivals}")

    def _was_doubted(self, first: Arrival, second: Arrival) -> bool:
        """Tell whether a refused token was asked about, or renewed in vain, before its next use."""
        if second.at > first.at:
            return True
        authentication = [a for a in self.server.log if "/users/auth" in a.path]
        return any(
            a.at == first.at or (a.path.endswith("/users/auth") and a.status == 200)
            for a in authentication
            if a.number < second.number
        )

    def _check_silence(self) -> None:
        """Invariant 11: every failure was told, logged, and is the last error."""
        failures = [event for event in self.events if isinstance(event, RenewalFailed)]
        # The failure of other credentials is told to their caller alone.
        if self.failed_attempts > len(failures) + self.abandoned + self.trials:
            self.violated(11, f"{self.failed_attempts} attempts failed, {len(failures)} were told")
        lost = sum(isinstance(event, SessionLost) for event in self.events)
        warned = [r for r in self.records.records if r.levelno >= logging.WARNING]
        told = Counter(getattr(r, "ece_event", "") for r in self.records.records)
        if told["SessionLost"] != lost:
            self.violated(11, "the loss of the session is not in the log")
        # A failure that loses the session is one record with the loss.
        if told["RenewalFailed"] + lost < len(failures):
            self.violated(11, "a failure is not in the log")
        if lost and not any(r.levelno == logging.ERROR for r in warned):
            self.violated(11, "the loss of the session is not an error in the log")
        if any(r.exc_info for r in warned):
            self.violated(11, f"an unforeseen exception: {[r.exc_info for r in warned]}")
        state, error = self.cloud.state, self.cloud.last_error
        if state is SessionState.DEGRADED and error is None:
            self.violated(11, "degraded, and nothing says why")
        if state is SessionState.ACTIVE and error is not None:
            self.violated(11, f"active with {error!r}")
