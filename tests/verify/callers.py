"""Who uses a session under siege: requests of all kinds, by either client, and by hand."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

from tests.cast import BODY, Call
from tests.judge import Judge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine


class Callers(Judge):
    """Starts callers, and cancels them."""

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

    async def send(self, kinds: list[str], turns: int) -> None:
        for kind in kinds:
            self.request(kind)
        await self._turn(turns)

    async def by_hand(self) -> None:
        refresher, path = self.refresher, "/by/hand"
        for last in (False, True):
            token = await refresher.usable()
            value = token.authorization.reveal()
            async with self.cloud.request(
                "GET", path, headers={"Authorization": value}, raise_for_status=False
            ) as response:
                if response.status != 401 or last or not refresher.reject(token):
                    return

    def ask_for(self, what: str) -> Call:
        if what == "request":
            return self.request("get")
        if what == "by hand":
            return self.call(what, self.by_hand())
        if what == "login":
            self.logged_out = False
        method: Callable[[], Coroutine[Any, Any, None]] = getattr(self.cloud, what)
        return self.call(what, method(), group=self.groups)

    def cancel(self, calls: list[Call]) -> None:
        for call in calls:
            call.cancelled = not call.task.done()
            call.task.cancel()
        self.spared.update(flight for flight in self.flights() if not flight.cancelling())


async def _generated() -> AsyncIterator[bytes]:
    for start in range(0, len(BODY), 100):
        yield BODY[start : start + 100]
        await asyncio.sleep(0)
