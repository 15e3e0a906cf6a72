"""What OpenTelemetry's SDK gets to see of a session."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from aiocloudauth import (
    CloudSession,
    ConfigurationError,
    Password,
    RenewalPolicy,
    StoreFailed,
    TokenRefresher,
)
from aiocloudauth._core.states import Emit
from aiocloudauth.errors import StoreError
from aiocloudauth.testing import CloudServer, Fault, ManualClock, Silence, Status
from tests.manual_refresher import ManualRefresher, manual_refresher

pytest.importorskip("opentelemetry.sdk.trace", reason="needs opentelemetry-sdk")

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aiocloudauth.telemetry import instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

OF_THE_SESSION = {"server.address", "server.port"}


class Collected:
    """The SDK, set up to keep what it is told."""

    def __init__(self) -> None:
        self._reader, self._spans = InMemoryMetricReader(), InMemorySpanExporter()
        self.meters = MeterProvider([self._reader])
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))

    def watch(
        self, cloud: CloudSession | TokenRefresher, attributes: Mapping[str, str] | None = None
    ) -> Callable[[], None]:
        return instrument(
            cloud, attributes=attributes, meter_provider=self.meters, tracer_provider=self.tracers
        )

    def points(self, name: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"aiocloudauth.{name}"
            for point in metric.data.data_points
        ]

    def values(self, name: str) -> dict[str, float]:
        """Return the values of a metric by the labels that are not the session's."""
        return {
            " ".join(str(v) for k, v in sorted(p.attributes.items()) if k not in OF_THE_SESSION): (
                p.value if hasattr(p, "value") else p.count
            )
            for p in self.points(name)
        }

    def value(self, name: str) -> float:
        [value] = self.values(name).values()
        return value

    def state(self) -> str:
        [state] = [name for name, on in self.values("session.state").items() if on]
        return state

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._spans.get_finished_spans()


async def opened(server: CloudServer, clock: ManualClock, seen: Collected) -> CloudSession:
    """Open a session that is measured."""
    cloud = CloudSession(
        server.url, Password("admin", "secret"), clock=clock, policy=RenewalPolicy(min_interval=1)
    )
    seen.watch(cloud)
    await clock.drive(cloud.open())
    return cloud


async def measured(one: ManualRefresher, seen: Collected) -> None:
    """Measure a refresher from before its first login."""
    seen.watch(one.refresher)
    await one.drive(one.refresher.open())


async def test_expiry_and_success_are_instants_and_gone_while_no_renewal_is_due() -> None:
    """Seconds left would stand still with a loop that hangs; a logout wakes nobody."""
    seen = Collected()
    async with manual_refresher(opened=False) as one:
        await measured(one, seen)
        for _ in range(2):
            token = one.refresher.current
            assert token is not None
            assert token.session_expiration_time is not None
            expiry = token.session_expiration_time.timestamp()
            assert seen.value("session.expiry_timestamp") == expiry
            assert seen.value("renewal.last_success_timestamp") == one.seen[-1].at.timestamp()
            await one.clock.advance(10)
            await one.drive(one.refresher.refresh())
        await one.drive(one.refresher.logout())
        assert seen.state() == "logged_out"
        assert seen.value("session.expiry_timestamp") == 0
        assert seen.value("renewal.last_success_timestamp") == 0
    assert seen.state() == "closed"


async def test_attempts_are_counted_by_kind_and_error() -> None:
    """A login, a refresh, failures of each, and a question with and without an answer."""
    seen = Collected()
    async with manual_refresher(opened=False, policy=RenewalPolicy(attempt_timeout=4)) as one:
        await measured(one, seen)
        await one.clock.advance(60)
        busy = Fault("/users/auth/_refresh", Status(503, "auth.busy"), times=1)
        one.server.script(busy)
        with pytest.raises(Exception, match="503"):
            await one.drive(one.refresher.refresh())
        assert seen.value("renewal.consecutive_failures") == 1
        assert seen.state() == "degraded"
        await one.drive(one.refresher.refresh())
        assert seen.value("renewal.consecutive_failures") == 0
        await one.revoke()
        await one.generation()
        await one.clock.advance(60)
        one.server.script(Fault("/users/auth", Silence()))
        token = one.refresher.current
        assert token is not None
        one.refresher.reject(token)
        await one.clock.advance(60)
        await one.generation()
        attempts = seen.values("attempts")
        assert attempts["login"] == one.server.stats.logins
        assert attempts["refresh"] == one.server.stats.refreshes
        assert attempts["ServerError refresh"] == 1
        assert attempts["question"] == 1
        assert attempts["CloudAuthError question"] == 1
        assert seen.values("attempt.duration") == attempts


async def test_an_attempt_is_a_root_span_of_its_own_length() -> None:
    """It is in no caller's trace: many may wait for it, and none of them owns it."""
    seen = Collected()
    async with manual_refresher(opened=False) as one:
        with seen.tracers.get_tracer("test").start_as_current_span("a request"):
            await measured(one, seen)
            await one.clock.advance(60)
            one.server.script(Fault("/users/auth/_refresh", Silence()))
            with pytest.raises(Exception, match="no answer"):
                await one.drive(one.refresher.refresh())
            observer = one.refresher._source.observer
            assert observer is not None
            observer.attempted("login", 1.0, None, None)  # wherever it is called from
            assert trace.get_current_span().is_recording()
            assert {span.parent for span in seen.spans} == {None}
        login, failed = seen.spans[:2]
        assert [s.name for s in seen.spans[:2]] == ["aiocloudauth login", "aiocloudauth refresh"]
        assert login.parent is failed.parent is None
        assert failed.attributes is not None
        assert failed.attributes["error.type"] == "RenewalTimeoutError"
        assert failed.status.status_code is trace.StatusCode.ERROR
        assert login.status.is_ok
        assert failed.start_time is not None
        assert failed.end_time is not None
        took = (failed.end_time - failed.start_time) / 1e9
        assert took == pytest.approx(RenewalPolicy().attempt_timeout, abs=0.1)


async def test_refusals_replays_and_waiting_are_measured() -> None:
    """What requests feel of a renewal."""
    seen, clock = Collected(), ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = await opened(server, clock, seen)
        await clock.advance(60)
        assert seen.points("requests.refused") == []
        server.revoke_all()
        async with await clock.drive(cloud.get("/deployments").__aenter__()):
            pass
        assert (seen.value("requests.refused"), seen.value("requests.replayed")) == (1, 1)
        assert seen.value("request.waiting_time") >= 1
        [before] = seen.points("request.waiting_time")
        server.script(Fault("/users/auth/_*", Status(503, "auth.busy"), until=1230))
        await clock.advance(1215)  # no token is left, and none is to be had for 15 s
        async with await clock.drive(cloud.get("/deployments").__aenter__()):
            pass
        [after] = seen.points("request.waiting_time")
        assert after.count == before.count + 1
        assert after.sum - before.sum >= 15
        await clock.drive(cloud.close())


async def test_the_clocks_offset_is_what_date_tells() -> None:
    """Positive where the server's clock is ahead."""
    seen = Collected()
    async with manual_refresher(opened=False, server={"clock_skew": 300.0}) as one:
        await measured(one, seen)
        assert seen.value("clock.offset") == pytest.approx(300.0, abs=1.0)
    without = Collected()
    async with manual_refresher(opened=False, server={"send_date": False}) as one:
        await measured(one, without)
        assert without.points("clock.offset") == []


async def test_no_label_holds_a_user_a_token_or_a_path() -> None:
    """Two sessions on one ECE are told apart by labels of the program's own."""
    seen = Collected()
    async with manual_refresher(opened=False) as one, manual_refresher(opened=False) as other:
        seen.watch(other.refresher, {"session": "nightly"})
        await measured(one, seen)
        await other.drive(other.refresher.open())
        points = [p for name in ("attempts", "session.state") for p in seen.points(name)]
        port = one.refresher._endpoint.root.port
        assert {p.attributes["server.port"] for p in points} >= {port}
        assert {p.attributes.get("session") for p in points} == {None, "nightly"}
        labels = {key for p in points for key in p.attributes}
        assert labels == OF_THE_SESSION | {"session", "kind", "state"}
        text = f"{points} {[s.to_json() for s in seen.spans]}"
        for one_of in (one, other):
            token = one_of.refresher.current
            assert token is not None
            for secret in ("admin", "secret", token.token.reveal(), "/api", "/users"):
                assert secret not in text


async def test_an_outage_of_the_store_is_counted() -> None:
    """Once an outage, as its event is."""
    seen = Collected()
    async with manual_refresher(opened=False) as one:
        await measured(one, seen)
        outage = Emit(StoreFailed, {"error": StoreError("no answer within 1 s")})
        one.refresher._subscribers.tell(outage)
        assert seen.value("store.errors") == 1


async def test_it_can_be_taken_back_and_there_is_one_at_a_time() -> None:
    """A second one would count everything twice."""
    seen = Collected()
    async with manual_refresher(opened=False) as one:
        take_back = seen.watch(one.refresher)
        with pytest.raises(ConfigurationError, match="already"):
            seen.watch(one.refresher)
        take_back()
        await one.drive(one.refresher.open())
        assert seen.points("attempts") == []
        seen.watch(one.refresher)
        take_back()  # a second call takes nothing from the other
        await one.clock.advance(60)
        await one.drive(one.refresher.refresh())
        assert seen.values("attempts") == {"refresh": 1}


async def test_an_exporter_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The session goes on, and the log says what failed."""

    class Broken(SimpleSpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("out of order")

    seen = Collected()
    seen.tracers.add_span_processor(Broken(InMemorySpanExporter()))
    async with manual_refresher(opened=False) as one:
        await measured(one, seen)
        assert one.alive()
    assert "telemetry failed" in caplog.text


def test_without_opentelemetry_the_import_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The extra is named."""
    monkeypatch.delitem(sys.modules, "aiocloudauth.telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"aiocloudauth\[otel\]"):
        import aiocloudauth.telemetry  # noqa: F401 - the import is what is tested


async def test_the_programs_own_providers_are_taken_by_default() -> None:
    """Without an SDK these do nothing, and nothing fails."""
    async with manual_refresher(opened=False) as one:
        instrument(one.refresher)
        await one.drive(one.refresher.open())
        assert one.alive()
