"""A session under watch: requests all along, what becomes of them, and a line that tells."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter, deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

import aiohttp

from aiocloudauth import events
from aiocloudauth._runtime.log_records import span
from aiocloudauth.clock import Clock
from aiocloudauth.errors import ApiError, AuthenticationError, CloudAuthError
from aiocloudauth.token import SessionState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from aiocloudauth.session import CloudSession

__all__ = ["Monitor", "counted", "keep_requesting"]

#: Seconds between two pictures: on a terminal, where each replaces the last, and elsewhere.
_LIVE: Final = 0.1
_PLAIN: Final = 1.0

#: Columns below which a line is not indented, and those of a line that is no terminal's.
_NARROW: Final = 60
_WIDE: Final = 200

#: Least pause after a failed request, seconds: a server that refuses at once causes no hot loop.
_AFTER_FAILURE: Final = 0.1

#: How many different failures the summary names.
_NAMED: Final = 5


def described(error: Exception) -> str:
    """Return one line for an error: an answer's status and codes, else its own words."""
    kind = type(error).__name__
    if isinstance(error, ApiError):
        text = f"{error.status} {', '.join(error.codes) or kind}"
    else:
        text = f"{kind}: {error}" if str(error) else kind
    # They may be a server's words, which must not steer the terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def counted(number: int, noun: str) -> str:
    """Return ``1 renewal``, ``2 renewals``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Monitor:
    """Counts what happens to one session and writes it down as it happens.

    On a terminal one line is kept up to date, below lines that tell of events; elsewhere
    there is a line a second.

    Args:
        out: Where to write; the caller closes it.
        clock: Where the time is read.
    """

    def __init__(self, out: TextIO, clock: Clock | None = None) -> None:
        """Start to count."""
        self.clock = clock or Clock()
        self.requests = 0
        self.failed = 0
        #: Requests that ended in a 401 for the caller.
        self.unauthorized = 0
        self.renewals = 0
        self.replays = 0
        #: Seconds that the slowest request took, the wait for a token included.
        self.slowest = 0.0
        #: Workers go on until then, on the clock's monotonic scale.
        self.until = float("inf")
        self._failures: Counter[str] = Counter()
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._interval = _LIVE if self._live else _PLAIN
        self._samples: deque[tuple[float, int]] = deque(maxlen=round(1 / self._interval) + 1)
        self._notes: list[str] = []
        self._by_login = self._had_token = False
        #: Why there is no session, or why the token in hand is not renewed; else empty.
        self._trouble = ""
        self.started_at = self.clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic() - self.started_at

    # -- what happens ---------------------------------------------------------------------

    def answered(self, took: float) -> None:
        """Count a request that was answered, after `took` seconds."""
        self.requests += 1
        self.slowest = max(self.slowest, took)

    def missed(self, error: Exception) -> None:
        """Count a request that failed."""
        self.requests += 1
        self.failed += 1
        self.unauthorized += isinstance(error, AuthenticationError)
        self._failures[described(error)] += 1

    def note(self, text: str) -> None:
        """Tell of something; it is written with the next picture."""
        self._notes.append(f"{self.elapsed:6.1f} s  {text}")

    def tell(self, record: events.Event) -> None:
        """Count and note an event of the session."""
        match record:
            case events.LoggedIn() if self._had_token:
                self._by_login = True  # `TokenRenewed` follows
            case events.LoggedIn():
                self._had_token, self._trouble = True, ""
                self.note(f"logged in, {self._expiry(record.session_expiration_time)}")
            case events.TokenRenewed():
                self.renewals += 1
                how = "login" if self._by_login else "renewal"
                self._by_login, self._trouble = False, ""
                self.note(
                    f"token {record.generation} by a {how} in {span(record.took)}, "
                    f"{self._expiry(record.session_expiration_time)}"
                )
            case events.TokenAdopted():
                self._had_token, self._trouble = True, ""
                left = self._expiry(record.session_expiration_time)
                self.note(f"took a token from the store, {left}")
            case events.StoreFailed():
                self.note(f"the session goes on without the store: {described(record.error)}")
            case events.RenewalFailed(retry_at=at):
                self._trouble = described(record.error)
                ahead = None if at is None else max(0.0, at.timestamp() - self.clock.time())
                then = "no further attempt" if ahead is None else f"next in {span(ahead)}"
                what = "renewal" if self._had_token else "login"
                # At the first login it is the command that decides what follows.
                then = f"; {then}" if self._had_token else ""
                self.note(f"{what} failed: {self._trouble}{then}")
            case events.SessionDegraded():
                self.note("requests go on with the token in hand")
            case events.SessionLost():
                cause = record.error.__cause__
                # Of a session that expired it is the cause that says why.
                self._trouble = described(
                    cause if isinstance(cause, CloudAuthError) else record.error
                )
                self.note(f"no session: {self._trouble}")
            case events.RequestReplayed():
                self.replays += 1

    # -- what is shown --------------------------------------------------------------------

    @asynccontextmanager
    async def shown(self, cloud: CloudSession) -> AsyncIterator[None]:
        """Show `cloud` while the block runs."""
        pictures = asyncio.create_task(self._show(cloud))
        try:
            yield
        finally:
            pictures.cancel()
            await asyncio.wait([pictures])
            with suppress(BrokenPipeError):
                self._write()

    async def _show(self, cloud: CloudSession) -> None:
        try:
            while True:
                await self.clock.sleep(self._interval)
                if cloud.state is SessionState.CLOSED:
                    break
                self.sample()
                columns = shutil.get_terminal_size().columns if self._live else _WIDE
                self._write(self.line(cloud, columns))
        except BrokenPipeError:
            self.until = self.clock.monotonic()  # nobody reads on: no reason to go on

    def sample(self) -> None:
        """Take a reading for the rate."""
        self._samples.append((self.elapsed, self.requests))

    def line(self, cloud: CloudSession, columns: int = 80) -> str:
        """Return the state of things in less than so many columns: what matters least goes."""
        (since, before), (now, after) = self._samples[0], self._samples[-1]
        rate = (after - before) / (now - since) if now > since else after / now
        end = "no token" if cloud.token is None else self._expiry(cloud.session_expiration_time)
        # In the order of the line, with how much each matters.
        parts = [
            (3, f"{now:6.1f} s"),
            (5, f"{after:,} req"),
            (2, f"{rate:,.0f}/s"),
            (4, f"{self.failed} failed"),
            (6, end),
            (1, counted(self.renewals, "renewal")),
            (7, cloud.state.value),
        ]
        if self._trouble:
            parts.append((0, self._trouble))
        while len(text := "  ".join(part for _, part in parts)) >= columns and len(parts) > 1:
            parts.remove(min(parts))
        return text.lstrip() if columns < _NARROW else text

    def _expiry(self, at: datetime | None) -> str:
        left = None if at is None else max(0.0, at.timestamp() - self.clock.time())
        return "no expiry" if left is None else f"expiry {left:.1f} s"

    def _write(self, line: str = "") -> None:
        notes, self._notes = self._notes, []
        text = "".join(f"{note}\n" for note in notes)
        if self._live:
            # Back to the margin and clear; cut, since a wrapped line cannot be cleared.
            columns = shutil.get_terminal_size().columns - 1
            text = f"\r\x1b[K{text}{line[:columns]}"
        elif line:
            text = f"{text}{line}\n"
        self._out.write(text)
        self._out.flush()

    def finish(self, *summary: str) -> None:
        """Put the summary in the place of the line that was kept up to date."""
        self._write()
        failures = [f"failed: {many} x {what}" for what, many in self._failures.most_common(_NAMED)]
        self._out.write("".join(f"{line}\n" for line in ("", *summary, *failures)))
        self._out.flush()


async def keep_requesting(
    cloud: CloudSession, path: str, monitor: Monitor, *, pause: float = 0.0
) -> None:
    """Send a GET after the other to `path` until `monitor.until`, `pause` seconds apart."""
    clock = monitor.clock
    while (now := clock.monotonic()) < monitor.until:
        rest = pause
        try:
            async with cloud.get(path) as response:
                await response.read()
        except (CloudAuthError, aiohttp.ClientError, TimeoutError) as error:
            monitor.missed(error)
            rest = max(pause, _AFTER_FAILURE)
        else:
            monitor.answered(clock.monotonic() - now)
        if rest > 0:
            await clock.sleep(min(rest, max(0.0, monitor.until - clock.monotonic())))
