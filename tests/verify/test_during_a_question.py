"""Whatever happens while the API is asked whether a token is good, the session comes out well.

On virtual time: each thing that a user, a clock or an administrator can do, with each answer that
the question can have, and each reason for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from aiocloudauth import CloudAuthError, Password, SessionState
from aiocloudauth.testing import Body, Fault, Html, Late, SecurityException, Silence, Status
from tests.session.traffic import REFUSED, Tally, traffic

if TYPE_CHECKING:
    from aiocloudauth.testing import Effect
    from tests.session.traffic import Traffic

#: What ``GET /users/auth`` answers for a minute.
QUESTIONS: Final[dict[str, tuple[Effect, ...]]] = {
    "hangs": (Silence(),),
    "is late": (Late(2.0),),
    "is not known": (Late(1.0), Status(404, "root.resource_not_found")),
    "is lied to": (Late(1.0), Body('{"has_elevated_permissions": false}')),
}

#: Why it is asked.
REASONS: Final[dict[str, Effect | None]] = {
    "a revocation": None,
    "a bad node": REFUSED,
    "somebody else": SecurityException(),
}

EVENTS: Final = (
    "refresh",
    "login",
    "login with others",
    "login with wrong ones",
    "logout",
    "given up",
    "step forward",
    "step back",
    "suspend",
    "revocation",
    "outage",
)


#: Those that bring a new token, whatever the question brings.
RENEWING: Final = {"refresh", "login", "login with others"}

#: The most that a refused request waits while logins work: for the question, and what it was about
#: a token so new that it is asked about twice. Seconds.
SOON: Final = 5.5


async def happen(run: Traffic, event: str) -> None:  # noqa: C901 - a row an event
    """Do what `event` says; a call ends in success or in a typed error."""
    match event:
        case "step forward":
            run.clock.step(3600.0)
        case "step back":
            run.clock.step(-3600.0)
        case "suspend":
            run.clock.suspend(7200.0)
        case "revocation":
            run.server.revoke_all()
        case "outage":
            for path in ("_login", "_refresh"):
                run.server.script(Fault(path, Html(502), until=15.0, optional=True))
        case "refresh":
            await run.cloud.refresh()
        case "login":
            await run.cloud.login()
        case "login with others":
            await run.cloud.login(Password("ann", "pw"))
        case "login with wrong ones":
            with pytest.raises(CloudAuthError):
                await run.cloud.login(Password("ann", "wrong"))
        case "logout":
            await run.cloud.logout()
        case "given up":
            call = asyncio.ensure_future(run.cloud.refresh())
            await asyncio.sleep(0)
            call.cancel()


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("question", QUESTIONS)
async def test_what_happens_during_a_question_hangs_nobody_and_costs_no_session(
    question: str, event: str
) -> None:
    """After two minutes nobody waits, requests are answered at once, and attempts kept apart."""
    for reason, age in product(REASONS, (0.2, 30.0)):
        async with traffic(server={"users": {"admin": "secret", "ann": "pw"}}) as run:
            await run.clock.advance(age)
            asked = Fault("/users/auth", QUESTIONS[question], method="GET", until=60.0)
            run.server.script(asked)
            refusal = REASONS[reason]
            if refusal is None:
                run.server.revoke_all()
            else:
                run.server.script(Fault("/deployments", refusal, times=1))
            tally, tokens = Tally(), run.server.generation
            waiting = [asyncio.ensure_future(run.request(tally, "/deployments")) for _ in range(3)]
            await run.clock.settle()
            waiting.append(asyncio.ensure_future(happen(run, event)))
            await run.clock.advance(120.0)
            assert [task for task in waiting if not task.done()] == [], reason
            waiting[-1].result()
            if event in RENEWING:
                assert run.server.generation > tokens, reason
            if event == "logout":
                assert run.cloud.state is SessionState.LOGGED_OUT
                await run.drive(run.cloud.login())
            elif event != "revocation" and (question, reason) != ("is lied to", "a revocation"):
                lost = tally.ends - Counter({200: 3})
                # Somebody else's words may be the answer.
                assert lost.total() <= (reason == "somebody else"), (reason, lost)
                assert event == "outage" or tally.longest <= SOON, (reason, tally)
            assert run.questions >= 1
            after = await run.callers(3, 20.0)
            assert (after.failed, after.longest) == (0, 0.0), reason
