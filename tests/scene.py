"""The scene of a siege: a clock, a server and a session, and what the server sees of it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import aiohttp

from aiocloudauth import Bearer, CloudSession, Password, RenewalPolicy
from aiocloudauth.testing import (
    CloudServer,
    ClusterError,
    Effect,
    Fault,
    Late,
    ManualClock,
)
from tests.cast import DATE, ODD_PATHS, ROUNDING, Call, Issued
from tests.own_client import OwnClient

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiocloudauth import Credentials, Event, TokenRefresher
    from aiocloudauth.testing.effects import Proceed
    from aiocloudauth.testing.messages import Answer
    from aiocloudauth.testing.realm import Realm

POLICY: Final = RenewalPolicy(backoff_max=20.0)


class _Watch(Effect):
    """Stands in front of the authentication API: plays faults, notes what happens."""

    name: ClassVar[str] = "watch"

    def __init__(self, scene: Scene, path: str) -> None:
        self._scene = scene
        self._path = path

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        return await self._scene.watched(realm, proceed, self._path)


class _Refusal(Effect):
    """A 401 about the token that came, however good it is."""

    name: ClassVar[str] = "refusal"

    def __init__(self, scene: Scene, answer: Effect) -> None:
        self._scene = scene
        self._answer = answer

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        # It was noted in this very step of the loop.
        self._scene.told_dead(self._scene.server.log[-1].generation)
        return await self._answer.apply(realm, proceed)


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Scene:
    """One session and its server; whoever breaks a promise is told to `violated`."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(self._complain)
        self.cloud: CloudSession | OwnClient
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
        return [task for task in asyncio.all_tasks(self.loop) if "renewal" in task.get_name()]

    async def _turn(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    def told(self, event: Event) -> None:
        """Hear what the session tells."""
        raise NotImplementedError

    def violated(self, number: int, what: str) -> None:
        """Hear that a promise was broken."""
        raise NotImplementedError

    def check(self) -> None:
        """Look at everything that is promised."""
        raise NotImplementedError

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
