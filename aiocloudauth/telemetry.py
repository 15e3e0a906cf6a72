"""Metrics and spans of a session, through OpenTelemetry's API (extra ``otel``).

Nothing is exported here: the program sets up OpenTelemetry's SDK, or none, and then this costs
next to nothing. docs/telemetry.md has the table of what is measured.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec

try:
    from opentelemetry import metrics, trace
    from opentelemetry.context import Context
except ImportError as missing:
    hint = "aiocloudauth.telemetry needs OpenTelemetry's API: install aiocloudauth[otel]"
    raise ImportError(hint, name=missing.name) from missing

from aiocloudauth import events
from aiocloudauth._runtime.log_records import log
from aiocloudauth._runtime.observer import Observer
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.token import SessionState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocloudauth.errors import CloudAuthError
    from aiocloudauth.refresher import TokenRefresher
    from aiocloudauth.session import CloudSession

__all__ = ["instrument"]

P = ParamSpec("P")

_NAME: Final = "aiocloudauth"
#: Upper bounds of the durations' buckets, seconds: up to the default `renewal_timeout`.
_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
#: States in which no renewal is due, so that nobody is to be woken for want of one.
_AT_REST: Final = frozenset({SessionState.LOGGED_OUT, SessionState.CLOSED})


def instrument(
    cloud: CloudSession | TokenRefresher,
    *,
    attributes: Mapping[str, str] | None = None,
    meter_provider: metrics.MeterProvider | None = None,
    tracer_provider: trace.TracerProvider | None = None,
) -> Callable[[], None]:
    """Measure `cloud` from now on; before `open`, lest the first login is missed.

    Labels are ``server.address``, ``server.port`` and `attributes`; no user, token or path.

    Args:
        cloud: Measured by one only, as long as it lives.
        attributes: Labels of your own; where one process has two sessions on one ECE they
            are what tells these apart.
        meter_provider: `None` is the program's own.
        tracer_provider: `None` is the program's own.

    Returns:
        A function that takes this back.

    Raises:
        ConfigurationError: `cloud` is measured already.
    """
    source = cloud._source  # noqa: SLF001 - see `TokenSource`
    if source.observer is not None:
        raise ConfigurationError("this session is instrumented already")
    root = source.endpoint.root
    labels: dict[str, str | int] = dict(attributes or {})
    labels |= {"server.address": root.host or "", "server.port": root.port or 0}
    telemetry = _Telemetry(
        cloud,
        labels,
        metrics.get_meter(_NAME, meter_provider=meter_provider),
        trace.get_tracer(_NAME, tracer_provider=tracer_provider),
    )
    source.observer = telemetry
    unsubscribe = cloud.subscribe(telemetry.happened)

    def take_back() -> None:
        unsubscribe()
        if source.observer is telemetry:
            source.observer = None

    return take_back


def _harmless(
    method: Callable[Concatenate[_Telemetry, P], None],
) -> Callable[Concatenate[_Telemetry, P], None]:
    """Log what an exporter raises: measuring a session must not stop it."""

    @wraps(method)
    def harmless(self: _Telemetry, /, *values: P.args, **named: P.kwargs) -> None:
        try:
            method(self, *values, **named)
        except Exception as error:  # noqa: BLE001 - see above
            log(logging.ERROR, "telemetry failed", host=self.host, exc_info=error)

    return harmless


class _Telemetry(Observer):
    """The instruments of one session. Sessions share them, and have labels of their own."""

    def __init__(
        self,
        cloud: CloudSession | TokenRefresher,
        labels: Mapping[str, str | int],
        meter: metrics.Meter,
        tracer: trace.Tracer,
    ) -> None:
        """Make the instruments, or find those made for another session."""
        self._cloud = cloud
        self._source = cloud._source  # noqa: SLF001 - see `TokenSource`
        self.host = self._source.endpoint.root.authority
        self._labels = labels
        self._tracer = tracer
        counter, gauge = meter.create_counter, meter.create_gauge
        self._expiry = gauge(
            "aiocloudauth.session.expiry_timestamp",
            "s",
            "When the token ends, Unix time; 0: never, or none is held",
        )
        self._success = gauge(
            "aiocloudauth.renewal.last_success_timestamp",
            "s",
            "When a login or renewal worked last, Unix time; 0: none is due",
        )
        self._state = gauge("aiocloudauth.session.state", "", "1 for the state the session is in")
        self._failures = gauge(
            "aiocloudauth.renewal.consecutive_failures", "", "Failures since the last success"
        )
        self._offset = gauge(
            "aiocloudauth.clock.offset", "s", "By how much the server's clock is ahead"
        )
        self._attempts = counter("aiocloudauth.attempts", "", "Attempts that ended")
        self._duration = meter.create_histogram(
            "aiocloudauth.attempt.duration",
            "s",
            "How long attempts took",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._waiting = meter.create_histogram(
            "aiocloudauth.request.waiting_time",
            "s",
            "How long requests waited that had to wait for a token",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._refused = counter(
            "aiocloudauth.requests.refused", "", "Requests whose token was refused (401)"
        )
        self._replayed = counter(
            "aiocloudauth.requests.replayed", "", "Refused requests that were sent again"
        )
        self._store_errors = counter("aiocloudauth.store.errors", "", "Outages of the token store")
        self._show()

    @_harmless
    def happened(self, record: events.Event) -> None:
        """Take in an event."""
        if isinstance(record, events.RequestReplayed):
            self._replayed.add(1, self._labels)
        elif isinstance(record, events.StoreFailed):
            self._store_errors.add(1, self._labels)
        if isinstance(record, events.LoggedIn | events.TokenRenewed | events.TokenAdopted):
            end = record.session_expiration_time
            self._expiry.set(0.0 if end is None else end.timestamp(), self._labels)
            self._success.set(record.at.timestamp(), self._labels)
        self._show()

    @_harmless
    def attempted(
        self, kind: str, took: float, error: CloudAuthError | None, clock_offset: float | None
    ) -> None:
        """Count an attempt, and make its span: a root, since no request is its owner."""
        labels = {**self._labels, "kind": kind}
        if error is not None:
            labels["error.type"] = type(error).__name__
        self._attempts.add(1, labels)
        self._duration.record(took, labels)
        if clock_offset is not None:
            self._offset.set(clock_offset, self._labels)
        self._show()
        end = self._source.clock.time()
        span = self._tracer.start_span(
            f"aiocloudauth {kind}",
            Context(),
            trace.SpanKind.INTERNAL,
            labels,
            start_time=_nanoseconds(end - took),
        )
        if error is not None:
            span.set_status(trace.StatusCode.ERROR, str(error))
        span.end(_nanoseconds(end))

    @_harmless
    def refused(self) -> None:
        """Count a 401."""
        self._refused.add(1, self._labels)

    @_harmless
    def waited(self, seconds: float) -> None:
        """Take in how long a request had to wait."""
        self._waiting.record(seconds, self._labels)

    def _show(self) -> None:
        """Set what tells how the session stands."""
        now = self._cloud.state
        for state in SessionState:
            self._state.set(int(state is now), {**self._labels, "state": state.value})
        self._failures.set(self._source.failures, self._labels)
        if now in _AT_REST:  # a gauge cannot be taken away
            self._expiry.set(0.0, self._labels)
            self._success.set(0.0, self._labels)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
