"""aiohttp without a private name: the import works, a feature is less, one record says so."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import logging
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import payload
from aiohttp.client_proto import ResponseHandler

from aiocloudauth import ApiKey, BodyNotReplayableError, CloudSession, Password, RenewalPolicy
from aiocloudauth._http import compat
from aiocloudauth.testing import Body, CloudServer, ManualClock
from tests.http.clients import QUICK, refresher_for, session, user_of
from tests.http.raw_server import RawServer, Request, http, refusal, token_body

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def fresh(name: str) -> ModuleType:
    """Import a second copy of a module, which nobody else sees."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_name_that_is_missing_is_told_and_the_import_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence a name; none with the aiohttp that these tests run on."""
    assert compat.MISSING == ()
    names = (
        (aiohttp.ClientRequest, "send"),
        (aiohttp.ClientRequest, "update_expect_continue"),
        (aiohttp.ClientRequest, "_writer"),
        (ResponseHandler, "should_close"),
        (aiohttp.StreamReader, "unread_data"),
    )
    for number, (owner, name) in enumerate(names, start=1):
        monkeypatch.delattr(owner, name)
        assert len(fresh(compat.__name__).MISSING) == number
    monkeypatch.setattr(payload, "BytesIOPayload", lambda _: object())
    monkeypatch.setattr(aiohttp, "ClientConnectorError", lambda *_: object())
    assert len(fresh(compat.__name__).MISSING) == len(names) + 2
    monkeypatch.setitem(sys.modules, "aiohttp.client_proto", None)  # even this may move
    assert len(fresh(compat.__name__).MISSING) == len(names) + 2


async def test_what_is_missing_is_a_debug_record_when_a_session_opens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wonders why finds it; nobody else is bothered."""
    monkeypatch.setattr(compat, "MISSING", ("does this: that",))
    caplog.set_level(logging.DEBUG, logger="aiocloudauth")
    async with CloudServer() as server, session(server):
        pass
    told = [record for record in caplog.records if "does this: that" in record.message]
    assert [record.levelno for record in told] == [logging.DEBUG]


async def test_without_send_the_token_is_bound_in_the_middleware(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on aiohttp 4: a request that is refused for that is sent again."""
    monkeypatch.setattr(compat, "SEND", None)
    middleware = fresh("aiocloudauth.middleware")
    assert "send" not in vars(middleware.BearerRequest)
    async with (
        CloudServer() as server,
        refresher_for(server) as refresher,
        aiohttp.ClientSession(
            server.url,
            middlewares=(middleware.BearerMiddleware(refresher),),
            request_class=middleware.BearerRequest,
        ) as client,
    ):
        server.revoke_all()
        assert await user_of(client.post("/api/v1/x", data=b"whole")) == "admin"
        assert len(server.log.to("/x")) == 2


async def test_without_the_arming_of_expect_such_a_request_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its second body would wait for a `100 Continue` that has come already, or never does."""
    monkeypatch.setattr(compat, "_EXPECT", None)
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=b"x", expect100=True)
        async with cloud.post("/x", data=b"x") as response:
            assert response.status == 200


async def test_without_the_writer_every_body_but_bytes_counts_as_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that no lock guards is then not sent again; others are."""
    monkeypatch.setattr(compat, "_WRITER", "gone")
    (tmp_path / "upload").write_bytes(b"x")
    with (tmp_path / "upload").open("rb", buffering=0) as unlocked:
        bodies = [(b"x", True), (io.BytesIO(b"x"), True), (unlocked, False)]
        async with CloudServer() as server, session(server) as cloud:
            for body, again in bodies:
                server.fail_next("/x", status=401, code="root.unauthorized")
                if again:
                    async with cloud.post("/x", data=body) as response:
                        assert response.status == 200
                else:
                    with pytest.raises(BodyNotReplayableError):
                        await cloud.post("/x", data=body)


async def test_without_the_file_of_a_payload_files_are_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether one can be read twice is then not known."""
    monkeypatch.setattr(compat, "_FILE", "gone")
    async with CloudServer() as server, session(server) as cloud:
        server.revoke_all()
        with pytest.raises(BodyNotReplayableError):
            await cloud.post("/x", data=io.BytesIO(b"x"))


async def test_without_unreading_a_401_is_judged_by_its_header_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its body is left to the caller: what it says there counts as nothing of ECE's."""
    monkeypatch.setattr(compat, "_UNREAD", None)
    said = refusal("templates.region_not_allowed").decode()
    async with CloudServer() as server, session(server) as cloud:
        server.fail_next("/x", Body(said, 401), times=2)
        async with cloud.get("/x", raise_for_status=False) as response:
            assert await response.text() == said
        assert len(server.log.to("/x")) == 2


async def test_without_word_of_what_came_no_connection_is_written_to_after_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request goes to another one."""
    monkeypatch.setattr(compat, "_USED", "gone")
    clock = ManualClock()
    used: list[asyncio.StreamWriter] = []

    async def reply(_: Request, writer: asyncio.StreamWriter) -> None:
        used.append(writer)
        writer.write(http(b"{}"))

    async with RawServer({"/x": reply}, keep=True) as server:
        policy = RenewalPolicy(assumed_lifetime=60.0)
        opaque = http(token_body(session_expiration_time=None))
        server.replies["_login"] = opaque
        async with CloudSession(
            server.url, Password("a", "b"), clock=clock, policy=policy
        ) as cloud:
            await cloud.get("/x")
            server.replies |= {"_refresh": b"x\r\n\r\n", "_login": b"x\r\n\r\n"}
            await clock.advance(61.0)
            waiting = asyncio.create_task(cloud.post("/x", data=b"once").__aenter__())
            await clock.settle()
            server.replies["_login"] = opaque
            assert (await clock.drive(waiting)).status == 200
        assert [request.body for request in server.to("/x")] == [b"", b"once"]
        assert used[0] is not used[1]


async def test_without_the_loop_of_a_connector_it_fails_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of this loop works as ever."""
    monkeypatch.setattr(compat, "_LOOP", "gone")
    async with (
        CloudServer() as server,
        CloudSession(
            server.url, ApiKey("k"), policy=QUICK, connector=aiohttp.TCPConnector()
        ) as cloud,
    ):
        server.fail_next("/x", Body("{}", 200))
        assert (await cloud.get("/x")).status == 200
