"""What a refused token proves, with the whole session: lag, foreign answers, bad nodes, rivals."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import (
    Password,
    RenewalFailed,
    SessionState,
    TokenRefresher,
    UnauthenticatedError,
)
from aiocloudauth.testing import (
    Body,
    Effect,
    Fault,
    Html,
    SecurityException,
    Silence,
    Status,
)
from tests.session.traffic import ADMIN, REFUSED, Tally, Traffic, traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocloudauth.testing.effects import Proceed
    from aiocloudauth.testing.messages import Answer
    from aiocloudauth.testing.realm import Realm

#: A path through to a deployment, where Elasticsearch answers.
FOREIGN = "/deployments/a/elasticsearch/b/proxy/_search"
THROUGH = Fault("/deployments/*/elasticsearch/*/proxy/**", SecurityException())
#: What a proxy or a firewall answers in the API's place.
PAGES = {
    "page 401": Html(401),
    "message": Body('{"message": "Forbidden"}', 403),
}


def pauses(run: Traffic, call: str) -> list[float]:
    """Return the seconds between arrivals of one call."""
    at = [arrival.at.timestamp() for arrival in run.server.log.to(call)]
    return [later - earlier for earlier, later in pairwise(at)]


async def revoked(run: Traffic, *, after: float = 60.0) -> None:
    """Let the server forget all tokens."""
    await run.clock.advance(after)
    run.server.revoke_all()


# -- a token is good only a while after its issue -----------------------------------------


@pytest.mark.parametrize("callers", [1, 10])
@pytest.mark.parametrize("lag", [0.05, 0.1, 0.5, 2.0])
async def test_a_token_that_is_refused_until_it_is_replicated_is_waited_for(
    lag: float, callers: int
) -> None:
    """Over the login and a planned renewal; a lag of 2 s costs a request of each caller."""
    late = Fault("**", REFUSED, credential="bearer", younger=lag)
    async with traffic(late, server={"token_lifetime": 60.0}) as run:
        first = await run.callers(callers, 20.0, every=1.0)
        assert first.failed <= (callers if lag > 1.0 else 0)
        assert run.server.stats.logins <= (2 if lag > 1.0 else 1)
        second = await run.callers(callers, 40.0, every=2.0)
        assert second.failed <= (callers if lag > 1.0 else 0)
        assert run.server.stats.refreshes >= 1
        assert run.server.stats.logins <= (4 if lag > 1.0 else 1)
        assert max(first.longest, second.longest) < 3.5


async def test_a_lag_costs_no_login_though_nobody_can_be_asked_in_time() -> None:
    """A question that hangs for a quarter of an attempt outlives the lag: the login is one."""
    hangs = Fault("/users/auth", Silence(), method="GET")
    async with traffic(Fault("**", REFUSED, credential="bearer", younger=0.5), hangs) as run:
        tally = await run.callers(3, 30.0)
        assert tally.failed <= 3
        assert run.server.stats.logins <= 2


# -- somebody else's 401 ------------------------------------------------------------------


@pytest.mark.parametrize("logins", ["up", "down"])
@pytest.mark.parametrize("question", ["answered", "hanging"])
async def test_somebody_elses_401_stops_nobody_and_loses_no_token(
    logins: str, question: str
) -> None:
    """Five times a second: a question or a renewal a life, or the pace where none is answered."""
    faults = [THROUGH]
    if question == "hanging":
        faults.append(Fault("/users/auth", Silence(), method="GET"))
    if logins == "down":
        faults.append(Fault("_login", Html(502), after=1.0, optional=True))
        faults.append(Fault("_refresh", Html(502), after=1.0, optional=True))
    async with traffic(*faults) as run:
        foreign, bystanders = Tally(), Tally()
        await run.drive(
            asyncio.gather(
                run.caller(foreign, 60.0, every=0.2, path=FOREIGN),
                *(run.caller(bystanders, 60.0, every=2.0) for _ in range(2)),
            )
        )
        assert (bystanders.failed, bystanders.longest) == (0, 0.0)
        assert set(foreign.ends) == {401}
        if question == "answered":
            assert (run.questions, run.attempts) == (1, 1)
            assert foreign.longest == 0.0
        else:
            assert run.attempts <= 12
            assert foreign.longest <= 10.0
        assert run.cloud.token is not None


async def test_each_life_of_a_token_has_its_question() -> None:
    """No answer is believed for ever."""
    async with traffic(THROUGH, server={"token_lifetime": 60.0}) as run:
        tally = await run.callers(1, 240.0, every=2.0, path=FOREIGN)
        assert set(tally.ends) == {401}
        assert run.server.stats.logins == 1
        assert run.questions <= run.server.stats.refreshes + 1


# -- one bad node -------------------------------------------------------------------------


@pytest.mark.parametrize(("one_in", "share"), [(100, 0.999), (20, 0.98), (3, 0.85)])
async def test_one_bad_node_among_several_is_lived_with(one_in: int, share: float) -> None:
    """It refuses requests, questions and renewals at random; attempts slow down."""
    bad = Fault("**", REFUSED, credential="bearer", probability=1 / one_in)
    async with traffic(bad, seed=one_in) as run:
        tally = await run.callers(1, 300.0, every=1.0)
        assert tally.good >= share * tally.ends.total()
        assert tally.longest <= 10.0
        assert run.attempts <= 15


# -- rivals -------------------------------------------------------------------------------


class EndsOthers(Effect):
    """A login that ends every session before it."""

    name = "ends_others"

    async def apply(self, realm: Realm, proceed: Proceed) -> Answer:
        """Revoke, then log in."""
        realm.sessions.revoke_all(realm.now())
        return await proceed()


async def test_sessions_that_end_each_other_slow_down_to_the_longest_backoff() -> None:
    """An account that may have one session: 2 logins a minute, and no more."""
    async with traffic(Fault("_login", EndsOthers())) as one, one.beside() as two:
        tallies = Tally(), Tally()
        await one.drive(
            asyncio.gather(
                one.caller(tallies[0], 600.0, every=5.0), two.caller(tallies[1], 600.0, every=5.0)
            )
        )
        assert len(one.server.log.to("_login")) <= 30
        assert sum(pauses(one, "_login")[-6:]) >= 6 * 60.0 / 2
        assert all(tally.good for tally in tallies)


# -- a proxy's answer ---------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
async def test_a_proxys_refusal_of_a_login_is_as_good_as_no_answer(page: str) -> None:
    """For a second: `open()` asks again, and a later login too."""
    async with traffic(Fault("_login", PAGES[page], until=1.0), opened=False) as run:
        await run.drive(run.cloud.open())
        assert run.clock.monotonic() <= 3.0
        await run.clock.advance(60.0)
        run.server.script(Fault("_login", PAGES[page], until=1.0))
        run.server.revoke_all()
        tally = await run.callers(2, 10.0)
        assert (tally.failed, run.cloud.last_error) == (0, None)
        assert run.server.stats.logins == 2


@pytest.mark.parametrize("page", PAGES)
async def test_a_proxys_refusal_of_a_call_is_that_calls_answer(page: str) -> None:
    """While it lasts; the session and the token stay."""
    async with traffic() as run:
        await run.clock.advance(60.0)
        run.server.script(Fault("/deployments", PAGES[page], until=1.0))
        tally = await run.callers(1, 10.0)
        assert tally.failed == 2
        assert run.attempts == 1
        assert run.questions <= 1


async def test_a_callable_password_is_sent_again_after_a_proxys_refusal() -> None:
    """The same value: nobody refused it."""
    asked = []

    async def password() -> str:
        asked.append(1)
        return "secret"

    refusal = Fault("_login", Html(403), until=1.0)
    async with traffic(refusal, credentials=Password("admin", password), opened=False) as run:
        await run.drive(run.cloud.open())
        assert run.server.stats.login_attempts == len(asked) == 2


# -- a good password that is refused ------------------------------------------------------


async def test_a_refused_login_heals_by_itself_and_says_when(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By `refused_interval`: error, event, log and `retry_at` tell."""
    refused = Fault("_login", Status(401, "root.unauthenticated"), after=60.0, until=70.0)
    async with traffic(refused) as run:
        await revoked(run)
        tally = await run.callers(2, 20.0)
        assert set(tally.ends) == {"UnauthenticatedError"}
        due = run.cloud.retry_at
        assert due is not None
        assert due.timestamp() == pytest.approx(run.clock.time() - 20.0 + 900.0)
        assert isinstance(run.cloud.last_error, UnauthenticatedError)
        (failed,) = [event for event in run.seen if isinstance(event, RenewalFailed)]
        assert failed.retry_at == due
        assert any("the next attempt is in 15 min" in line for line in caplog.messages)
        await run.clock.advance(900.0)
        assert run.cloud.state is SessionState.ACTIVE
        assert run.server.stats.login_attempts == 3
        assert (await run.callers(2, 5.0)).failed == 0


# -- the question -------------------------------------------------------------------------

QUESTIONS = {
    "hangs": (Silence(), 0, 2.5),
    "is not known": (Status(404, "root.resource_not_found"), 0, 0.0),
    "is answered by the bad node": (REFUSED, 0, 0.0),
    # A cache: the token counts as good until the pace renews it.
    "is lied to": (Body('{"has_elevated_permissions": false}'), 14, 0.0),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_revocation_is_survived_whoever_answers_the_question(question: str) -> None:
    """One login, and at most what the question may take."""
    effect, lost, wait = QUESTIONS[question]
    async with traffic(Fault("/users/auth", effect, method="GET")) as run:
        await revoked(run)
        tally = await run.callers(2, 30.0)
        assert tally.failed <= lost
        assert tally.longest <= wait
        assert run.server.stats.logins == 2
        assert run.questions == 1


@pytest.mark.parametrize("body", ["old", "empty"])
async def test_a_server_that_refuses_everything_without_codes_is_logged_in_to_at_the_pace(
    body: str,
) -> None:
    """``_refresh`` and the question too; never faster, at last once in a minute."""
    effect = Status(401) if body == "old" else Body("", 401)
    faults = [
        Fault(path, effect, after=60.0, optional=True)
        for path in ("/deployments", "/users/auth", "_refresh")
    ]
    async with traffic(*faults) as run:
        await run.clock.advance(60.0)
        tally = await run.callers(1, 300.0)
        assert set(tally.ends) == {401}
        gaps = pauses(run, "_login")[1:]
        assert 5 <= len(gaps) <= 12
        assert min(gaps) >= 1.0
        assert max(gaps) >= 60.0


async def test_a_server_without_codes_is_logged_in_to_after_a_revocation() -> None:
    """A 401 that names nothing, and no request is lost."""
    async with traffic(server={"refused_code": None}) as run:
        await revoked(run)
        tally = await run.callers(2, 10.0)
        assert (tally.failed, run.server.stats.logins, run.questions) == (0, 2, 1)


# -- real revocations ---------------------------------------------------------------------


@pytest.mark.parametrize("age", [0.0, 0.5, 3.0])
async def test_a_revocation_costs_a_pool_of_401s_and_a_login_however_young_the_token(
    age: float,
) -> None:
    """Three in a row, each after a renewal that worked; nothing fails."""
    async with traffic(pool=10) as run:
        for _ in range(3):
            await run.clock.advance(60.0)
            await run.drive(run.cloud.refresh())
            logins, refused, asked = (
                run.server.stats.logins,
                run.server.stats.unauthorized,
                run.questions,
            )
            await revoked(run, after=age)
            tally = Tally()
            await run.drive(
                asyncio.gather(*(run.request(tally, "/deployments") for _ in range(100)))
            )
            assert (tally.good, tally.failed) == (100, 0)
            assert run.server.stats.logins == logins + 1
            questions = run.questions - asked
            assert questions == (1 if age > 1.0 else 2)
            assert run.server.stats.unauthorized - refused <= 10 + questions
            assert tally.longest <= 1.0


async def test_a_revocation_of_a_confirmed_token_costs_a_pool_of_401s_too() -> None:
    """Somebody else's 401 had it asked about once: nothing fails, and there is one login."""
    async with traffic(THROUGH, pool=10) as run:
        await run.clock.advance(60.0)
        await run.callers(1, 1.0, path=FOREIGN)
        refused = run.server.stats.unauthorized
        await revoked(run)
        tally = Tally()
        await run.drive(asyncio.gather(*(run.request(tally, "/deployments") for _ in range(100))))
        assert (tally.good, tally.failed) == (100, 0)
        assert (run.questions, run.server.stats.logins) == (1, 2)
        assert run.server.stats.unauthorized - refused <= 10


# -- while the question is under way ------------------------------------------------------


@pytest.mark.parametrize("ending", ["close", "logout"])
async def test_who_leaves_during_the_question_is_logged_out_on_the_server(ending: str) -> None:
    """The token may be good; the refused request ends, and nothing comes back."""
    hangs = Fault("/users/auth", Silence(), method="GET")
    async with traffic(Fault("/deployments", REFUSED, times=1), hangs) as run:
        await run.clock.advance(60.0)
        tally = Tally()
        waiting = asyncio.ensure_future(run.request(tally, "/deployments"))
        await run.clock.advance(1.0)
        assert (run.cloud.token, run.questions) == (None, 1)
        await run.drive(run.cloud.close() if ending == "close" else run.cloud.logout())
        await run.drive(waiting)
        assert set(tally.ends) <= {"SessionClosedError", "SessionExpiredError"}
        assert run.server.stats.logouts == 1
        await run.clock.advance(60.0)
        assert (run.attempts, run.cloud.token) == (1, None)


async def test_a_body_that_can_be_sent_once_gets_somebody_elses_401_as_its_answer() -> None:
    """It is not told that the token was refused; the evidence still counts."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    async with traffic(THROUGH) as run:
        await run.clock.advance(60.0)
        for _ in range(3):
            posted = run.cloud.post(FOREIGN, data=pieces(), raise_for_status=False)
            async with posted as response:
                document = await response.json()
                assert document["error"]["type"] == "security_exception"
            await run.clock.settle()
        assert (run.questions, run.attempts) == (1, 1)


async def test_a_user_who_rejects_a_token_over_and_over_makes_no_hot_loop() -> None:
    """The headless part: each call is evidence, and none is an attempt of its own."""
    async with (
        traffic() as run,
        TokenRefresher(
            run.server.url, ADMIN, clock=run.clock, auth_connector=run.server.connector()
        ) as refresher,
    ):
        for _ in range(200):
            token = await run.drive(refresher.usable())
            assert refresher.reject(token)
            await run.clock.advance(0.1)
        assert run.questions == 1
        assert run.attempts <= 2 + 5


async def test_an_answer_to_the_question_that_quotes_the_token_is_logged_without_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the record of the question, and in whatever follows."""
    caplog.set_level("DEBUG")
    async with traffic() as run:
        assert run.cloud.token is not None
        secret = run.cloud.token.token.reveal()
        quoting = Status(401, "root.unauthorized", message=f"Bearer {secret}")
        run.server.script(Fault("/users/auth", quoting, method="GET"))
        await revoked(run)
        assert (await run.callers(1, 5.0)).failed == 0
        assert any("asked about" in line or "/users/auth" in line for line in caplog.messages)
        assert secret not in caplog.text
