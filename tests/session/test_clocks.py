"""Clocks that are wrong: a proxy's `Date`, and this machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiocloudauth import Bearer
from aiocloudauth.testing import Dated, Fault, Headers
from tests.session.traffic import traffic

if TYPE_CHECKING:
    from aiocloudauth.testing import Effect

DATES: dict[str, Effect] = {
    "hours ahead": Dated(7200.0),
    "a quarter ahead": Dated(15.0),
    "hours behind": Dated(-7200.0),
    "1970": Headers({"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}),
    "none": Headers(drop=("Date",)),
}


@pytest.mark.parametrize("date", DATES)
async def test_a_date_that_a_proxy_wrote_costs_neither_a_login_nor_a_request(date: str) -> None:
    """A token of 60 s is renewed before its end, life after life, and no 401 is met."""
    async with traffic(Fault("**", DATES[date]), server={"token_lifetime": 60.0}) as run:
        tally = await run.callers(1, 180.0, every=5.0)
        assert (tally.failed, tally.longest) == (0, 0.0)
        assert run.server.stats.unauthorized == 0
        assert run.server.stats.logins == 1
        assert run.server.stats.refreshes >= 3


@pytest.mark.parametrize("ahead", [-900.0, 900.0])
@pytest.mark.parametrize("kind", ["expiry", "jwt", "opaque"])
async def test_a_token_from_elsewhere_is_renewed_in_time_though_this_clock_is_wrong(
    kind: str, ahead: float
) -> None:
    """By 15 minutes either way; an opaque token is asked about when it ends."""
    server = {"clock_skew": ahead, "tokens": "jwt" if kind == "jwt" else "opaque"}
    async with traffic(server=server, logout_on_close=False) as first:
        token = first.cloud.token
        assert token is not None
        expiry = token.session_expiration_time if kind == "expiry" else None
        await first.clock.advance(200.0)
        bearer = Bearer(token.token.reveal(), expiry)
        async with first.beside(bearer) as run:
            tally = await run.callers(1, 2000.0, every=50.0)
        assert (tally.failed, tally.longest) == (0, 0.0)
        assert first.server.stats.unauthorized == 0
        assert first.server.stats.refreshes >= 2
