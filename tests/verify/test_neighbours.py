"""A session beside what programs wrap aiohttp in and run it on: each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

#: What each program starts with. `exercise` opens, sends, is revoked, renews, logs out.
PRELUDE = """
import asyncio, contextvars, gc, os, sys
import aiohttp
from aiocloudauth import *
from aiocloudauth.testing import *

QUICK = RenewalPolicy(min_interval=0.01)
ADMIN = Password("admin", "secret")

async def exercise(server, **options):
    before = asyncio.all_tasks()
    async with CloudSession(server.url, ADMIN, policy=QUICK, **options) as cloud:
        async with cloud.get("/x") as response:
            assert (await response.json())["user"] == "admin"
        server.revoke_all()
        answers = await asyncio.gather(*(cloud.post("/x", json={}) for _ in range(5)))
        assert {answer.status for answer in answers} == {200}
        await cloud.refresh()
        server.fail_next("/x", status=404)
        try:
            await cloud.get("/x")
        except NotFoundError:
            pass
        else:
            raise AssertionError("no error")
        async with cloud.ws_connect("/ws") as websocket:
            await websocket.send_str("hello")
            assert (await websocket.receive()).data == "hello"
    assert (server.stats.logins, server.stats.refreshes, server.stats.logouts) == (2, 1, 1)
    assert not {task for task in asyncio.all_tasks() - before if "aiocloudauth" in task.get_name()}

async def whole(**options):
    async with CloudServer() as server:
        await exercise(server, **options)
"""

#: The module that has to be there, and the program.
NEIGHBOURS: dict[str, tuple[str, str]] = {
    "sentry-sdk": (
        "sentry_sdk",
        """
        import sentry_sdk
        from sentry_sdk.integrations.aiohttp import AioHttpIntegration

        spans = []
        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1",
            traces_sample_rate=1.0,
            integrations=[AioHttpIntegration()],
            before_send=lambda event, hint: None,
            before_send_transaction=lambda event, hint: spans.extend(event["spans"]),
        )

        async def main():
            with sentry_sdk.start_transaction(name="a request"):
                await whole()

        asyncio.run(main())
        told = [span.get("description", "") for span in spans]
        assert sum("/api/v1/x" in one for one in told) >= 3, told
        # Renewals belong to no request; the logout is the caller's own.
        assert not any("_login" in one or "_refresh" in one for one in told), told
        """,
    ),
    "OpenTelemetry": (
        "opentelemetry.instrumentation.aiohttp_client",
        """
        from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        AioHttpClientInstrumentor().instrument(tracer_provider=provider)
        tracer = provider.get_tracer("test")

        async def main():
            with tracer.start_as_current_span("a request"):
                await whole()
            async with CloudServer(token_lifetime=0.5) as server:
                with tracer.start_as_current_span("another"):
                    cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                while server.stats.refreshes < 5:
                    await asyncio.sleep(0.01)
                await cloud.close()

        asyncio.run(main())
        spans = exporter.get_finished_spans()
        mine = {span.context.span_id for span in spans if span.name in ("a request", "another")}
        renewals = calls = 0
        for span in spans:
            url = str(span.attributes.get("http.url") or span.attributes.get("url.full") or "")
            if "_login" in url or "_refresh" in url:
                assert span.parent is None, span.to_json()
                renewals += 1
            elif url.endswith("/api/v1/x"):
                assert span.parent.span_id in mine
                calls += 1
        assert renewals >= 8, renewals
        assert calls >= 3, calls
        """,
    ),
    "Elastic APM": (
        "elasticapm",
        """
        import elasticapm

        told = []

        class Client(elasticapm.Client):
            def queue(self, kind, data, flush=False):
                if kind == "span":
                    told.append(data["context"]["http"]["url"])

        elasticapm.instrument()
        client = Client(service_name="test", central_config=False, cloud_provider=False,
                        span_compression_enabled=False)

        async def main():
            client.begin_transaction("request")
            await whole()
            client.end_transaction("a request", "success")

        try:
            asyncio.run(main())
        finally:
            client.close()
        assert sum(one.endswith("/api/v1/x") for one in told) >= 7, told
        assert not any("_login" in one or "_refresh" in one for one in told), told
        """,
    ),
    "vcrpy": (
        "vcr",
        """
        import tempfile, vcr

        async def record(path):
            async with CloudServer() as server:
                await play(path, server.url)
                return server.url, server.stats.logins

        async def play(path, url):
            with vcr.use_cassette(path, record_mode="once", allow_playback_repeats=True):
                async with CloudSession(url, ADMIN, policy=QUICK) as cloud:
                    async with cloud.get("/x") as response:
                        assert (await response.json())["user"] == "admin"

        async def main():
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "tape.yaml")
                url, logins = await record(path)
                assert logins == 1
                await play(path, url)  # the server is gone

        asyncio.run(main())
        """,
    ),
    "aiohttp-retry": (
        "aiohttp_retry",
        """
        from aiohttp_retry import ExponentialRetry, RetryClient

        async def main():
            async with CloudServer() as server:
                async with CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
                    options = ExponentialRetry(attempts=3, start_timeout=0.001)
                    client = RetryClient(client_session=cloud.http, retry_options=options)
                    server.revoke_all()
                    server.fail_next("/x", status=503, times=2)
                    async with client.get(f"{server.url}/api/v1/x") as response:
                        assert response.status == 200
                    # The session is not the retrying client's to close.
                    assert (await cloud.get("/x")).status == 200

        asyncio.run(main())
        """,
    ),
    "nest-asyncio2": (
        "nest_asyncio2",
        """
        import nest_asyncio2
        nest_asyncio2.apply()

        async def main():
            loop = asyncio.get_running_loop()
            async with CloudServer() as server:
                cloud = loop.run_until_complete(CloudSession(server.url, ADMIN).open())
                response = loop.run_until_complete(cloud.get("/x"))
                assert response.status == 200
                loop.run_until_complete(cloud.close())
            loop.run_until_complete(whole())

        asyncio.run(main())
        """,
    ),
    "anyio": (
        "anyio",
        """
        import anyio

        async def main():
            async with CloudServer() as server:
                cloud = await CloudSession(server.url, ADMIN, policy=QUICK)
                for path in ("/x?delay=30", "/x"):  # at a wait of the request's, and before it
                    with anyio.CancelScope() as scope:
                        if path == "/x":
                            scope.cancel()
                        else:
                            asyncio.get_running_loop().call_later(0.02, scope.cancel)
                        await cloud.get(path)
                    assert scope.cancelled_caught
                server.script(Fault("_login", Late(0.2), times=1))
                server.revoke_all()
                async with anyio.create_task_group() as group:
                    group.start_soon(cloud.get, "/x")
                    with anyio.move_on_after(0.02) as scope:
                        await cloud.get("/x")
                    assert scope.cancelled_caught
                assert (await cloud.get("/x")).status == 200
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await cloud.close()  # cancelled at each of its waits
                await cloud.close()
                assert cloud.state is SessionState.CLOSED
                await whole()

        anyio.run(main)
        """,
    ),
    "eager tasks": (
        "asyncio",
        """
        async def main():
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            await whole()

        asyncio.run(main())
        """,
    ),
    "uvloop": (
        "uvloop",
        """
        import uvloop
        uvloop.run(whole())
        """,
    ),
    "a task factory of the old kind": (
        "asyncio",
        """
        async def main():
            # Without the keyword `context`, which asyncio's own passes on since 3.11.
            asyncio.get_running_loop().set_task_factory(
                lambda loop, coroutine: asyncio.Task(coroutine, loop=loop)
            )
            async with CloudServer() as server:
                async with CloudSession(server.url, ADMIN, policy=QUICK) as cloud:
                    await cloud.refresh()
                    assert (await cloud.get("/x")).status == 200

        if sys.version_info < (3, 13):  # since then asyncio passes on more of its own accord
            asyncio.run(main())
        """,
    ),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_session_works_with(name: str) -> None:
    """What is not installed is skipped with a word."""
    module, program = NEIGHBOURS[name]
    pytest.importorskip(module, reason=f"{name} is not installed", exc_type=ImportError)
    if name == "eager tasks" and sys.version_info < (3, 12):
        pytest.skip("Python 3.11 has no eager tasks")
    result = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "ResourceWarning" not in result.stderr
    assert "never awaited" not in result.stderr
