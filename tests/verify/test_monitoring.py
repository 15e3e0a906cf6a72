"""A real Prometheus scrapes a session, and takes every query of the alerts and the dashboard."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer
from tests.verify.programs import (
    EXAMPLES,
    answering,
    ended,
    environment,
    free_port,
    running,
    until,
)

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("opentelemetry.exporter.prometheus", reason="needs its exporter")
if not (shutil.which("prometheus") and shutil.which("promtool")):
    pytest.skip("needs prometheus and promtool (Debian: prometheus)", allow_module_level=True)

ALERTS = EXAMPLES / "monitoring" / "alerts.yml"
DASHBOARD = EXAMPLES / "monitoring" / "dashboard.json"


def dashboard_queries() -> list[str]:
    """Return the queries of all panels, as Grafana would send them."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    return [query.replace("$__rate_interval", "1m") for query in queries]


async def asked(client: aiohttp.ClientSession, path: str, **parameters: str) -> dict[str, Any]:
    """Return the data of an answer of Prometheus's API."""
    async with client.get(f"/api/v1/{path}", params=parameters) as response:
        answer: dict[str, Any] = await response.json()
    assert answer["status"] == "success", answer
    data: dict[str, Any] = answer["data"]
    return data


async def test_every_query_is_answered_by_a_prometheus_that_scrapes_a_session(
    tmp_path: Path,
) -> None:
    """Over renewals and a revocation; and all alerts are evaluated, none of them fires."""
    ours, theirs = free_port(), free_port()
    settings = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": "worker", "static_configs": [{"targets": [f"127.0.0.1:{ours}"]}]}
        ],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(settings), encoding="utf-8")
    prometheus = (
        "prometheus",
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{theirs}",
        "--log.level=error",
    )
    async with CloudServer(token_lifetime=4.0) as server:
        env = environment(server, PORT=str(ours))
        with (
            running(sys.executable, "metrics.py", env=env) as worker,
            running(*prometheus, cwd=tmp_path) as process,
        ):
            async with aiohttp.ClientSession(f"http://127.0.0.1:{theirs}") as client:
                await answering(client, "/-/ready", process)
                await until(lambda: server.stats.refreshes >= 1)
                server.revoke_all()
                waiting = dashboard_queries()

                async def answered() -> bool:
                    while waiting:
                        data = await asked(client, "query", query=waiting[0])
                        if not data["result"]:
                            return False
                        del waiting[0]
                    return True

                try:
                    await until(answered)
                finally:
                    assert waiting == []

                async def evaluated() -> bool:
                    rules = (await asked(client, "rules"))["groups"][0]["rules"]
                    return all(rule["health"] != "unknown" for rule in rules)

                await until(evaluated)
                rules = (await asked(client, "rules"))["groups"][0]["rules"]
                assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
                assert {rule["health"] for rule in rules} == {"ok"}
                fired = {rule["name"] for rule in rules if rule["state"] == "firing"}
                # Of a token that lives four seconds each is about to end.
                assert fired <= {"EceTokenEndsSoon"}
                worker.send_signal(signal.SIGTERM)
                code, _, err = await ended(worker)
                assert (code, err) == (0, "")
                assert server.stats.logouts == 1


LABELS = 'server_address="ece.example.com", server_port="443", instance="worker"'
EXPIRY = f"aiocloudauth_session_expiry_timestamp_seconds{{{LABELS}}}"
SUCCESS = f"aiocloudauth_renewal_last_success_timestamp_seconds{{{LABELS}}}"
FAILURES = f"aiocloudauth_renewal_consecutive_failures{{{LABELS}}}"


def attempts(kind: str, error: str = "") -> str:
    """Return the series of the attempts of one kind, with one outcome."""
    outcome = f', error_type="{error}"' if error else ""
    return f'aiocloudauth_attempts_total{{kind="{kind}"{outcome}, {LABELS}}}'


#: For each course (series of a value a minute): which alerts fire after an hour, if any.
COURSES: dict[str, tuple[dict[str, str], set[str]]] = {
    "renewed every ten minutes": (
        {
            EXPIRY: " ".join(str(600 * (i // 10) + 1200) for i in range(61)),
            SUCCESS: " ".join(str(600 * (i // 10) + 1) for i in range(61)),
            FAILURES: "0x60",
            attempts("login"): "1x60",
            attempts("refresh"): " ".join(str(i // 10) for i in range(61)),
        },
        set(),
    ),
    "three failures, and two minutes left": (
        {EXPIRY: "3720x60", SUCCESS: "2520x60", FAILURES: "3x60", attempts("login"): "1x60"},
        {"EceTokenEndsSoon"},
    ),
    "three failures, and ten minutes left": (
        {EXPIRY: "4200x60", SUCCESS: "3000x60", FAILURES: "3x60", attempts("login"): "1x60"},
        set(),
    ),
    "the loop hangs, so that nothing fails either": (
        {EXPIRY: "2400x60", SUCCESS: "1200x60", FAILURES: "0x60", attempts("login"): "1x60"},
        {"EceSessionNotRenewed"},
    ),
    "logged out": (
        {EXPIRY: "0x60", SUCCESS: "0x60", FAILURES: "0x60", attempts("login"): "1x60"},
        set(),
    ),
    "a login every two minutes": (
        {
            EXPIRY: " ".join(str(60 * i + 1200) for i in range(61)),
            SUCCESS: " ".join(str(60 * i) for i in range(61)),
            FAILURES: "0x60",
            attempts("login"): " ".join(str(i // 2) for i in range(61)),
        },
        {"EceTooManyLogins"},
    ),
    "the first login of a new process is refused": (
        {FAILURES: "_x54 1x5", attempts("login", "UnauthenticatedError"): "_x54 1x5"},
        {"EceCredentialsRefused"},
    ),
    "a refusal after one that was long ago": (
        {FAILURES: "1x60", attempts("login", "UnauthenticatedError"): "1x55 2x4"},
        {"EceCredentialsRefused"},
    ),
    "a refusal that was long ago": (
        {FAILURES: "1x60", attempts("login", "UnauthenticatedError"): "1x60"},
        set(),
    ),
    "another failure is no refusal": (
        {FAILURES: "1x60", attempts("login", "TransportError"): "_x54 1x5"},
        set(),
    ),
}


async def test_each_alert_fires_for_what_it_is_about_and_for_nothing_else(tmp_path: Path) -> None:
    """Prometheus's own tool plays an hour of each course."""
    names = ("EceTokenEndsSoon", "EceSessionNotRenewed", "EceTooManyLogins")
    everyone = {*names, "EceCredentialsRefused"}
    # The tool compares whole alerts; the question here is only whether there is one.
    tests = [
        {
            "interval": "1m",
            "name": course,
            "input_series": [{"series": s, "values": v} for s, v in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
                    "eval_time": "60m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if name in fires else [],
                }
                for name in sorted(everyone)
            ],
        }
        for course, (series, fires) in COURSES.items()
    ]
    courses = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    path = tmp_path / "courses.yml"
    path.write_text(json.dumps(courses), encoding="utf-8")
    run = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "test", "rules", str(path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
