"""How a siege ends: everybody is answered, the session is closed, and nothing is left of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiocloudauth.testing import Late
from tests.callers import Callers


class Ending(Callers):
    """Closes the session, in the middle of whatever goes on."""

    def teardown(self) -> None:
        """Everybody is answered; then nothing is left of the session."""
        try:
            if hasattr(self, "cloud"):
                self._end()
        finally:
            self.log.removeHandler(self.records)
            try:
                self.loop.run_until_complete(self._leave())
            finally:
                self.loop.close()

    async def _leave(self) -> None:
        """Take apart what is left, whatever went wrong."""
        with suppress(Exception):  # what is to be told was told
            if hasattr(self, "cloud") and not self.closed:
                await self.clock.drive(self.cloud.close())
        if hasattr(self, "server"):
            await self.server._shut()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await self.loop.shutdown_asyncgens()

    def _end(self) -> None:
        if self.ending == "busy":
            self.do(self._begin_a_renewal())
        if self.ending == "patient":
            # Nobody waits for ever: 30 s for a token each, and the pace of a refused login.
            self.do(self.clock.advance(90.0))
            left = [call.name for call in self.calls if not call.task.done()]
            for number in (1, 2):
                if left:
                    self.violated(number, f"{left} still wait")
        self.do(self._close())
        self.do(self.clock.advance(3600.0))

    async def _begin_a_renewal(self) -> None:
        """Have one under way, if one can start at all."""
        await self.clock.advance(2.0)
        self.faults.appendleft(Late(3.0))
        self.groups += 1
        self.ask_for("login" if self.cloud.token is None else "refresh")
        await self.clock.settle()

    async def _close(self) -> None:
        silent = bool(self.faults)
        began = self.clock.monotonic()
        # Before the close begins: one that is cancelled at once does not even do that.
        token, told = self.cloud.token, self.logouts_told
        self.closing = True
        self.spared.clear()
        self.abandoned += 1

        async def close() -> None:
            await self.cloud.close()
            if self.flights():
                self.violated(10, f"closed, and {self.flights()} goes on")

        closing = self.loop.create_task(close())
        if self.hasty is not None:  # whoever closed it is cancelled, and closes it again
            await self._turn(self.hasty)
            closing.cancel()
        await self.clock.drive(asyncio.wait({closing}))
        if closing.cancelled():
            token = None  # a logout that was cut short is not sent again
            await self.clock.drive(self.cloud.close())
        else:
            await closing
        ours = token is not None and self.kind != "bearer" and not silent
        if ours and self.logouts_told != told + 1:
            self.violated(10, "not logged out")
        self._check_wire()
        self.closed = True
        await self.clock.settle()
        self.check_closed(self.clock.monotonic() - began)
