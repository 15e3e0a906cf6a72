"""The examples of fleets as their users run them, and a store of one's own on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, store_contract
from tests.verify.programs import EXAMPLES, PATIENCE, environment, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocloudauth.testing.contract import Claim

GUNICORN = (
    "gunicorn",
    "prefork:application",
    "--workers=4",
    "--worker-class=aiohttp.GunicornWebWorker",
    "--bind=127.0.0.1:{port}",
    "--no-control-socket",
)
UVICORN = ("uvicorn", "lifespan:application", "--workers=4", "--port={port}")


@contextmanager
def serving(
    command: tuple[str, ...], port: int, server: CloudServer, store: Path
) -> Iterator[None]:
    """Run a service with four workers."""
    with subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        cwd=EXAMPLES / "fleet",
        env=environment(server, FLEET_STORE=str(store)),
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


@pytest.mark.parametrize("command", [GUNICORN, UVICORN], ids=lambda command: command[0])
async def test_four_workers_log_in_once(command: tuple[str, ...], tmp_path: Path) -> None:
    """Each answers, and none is refused."""
    pytest.importorskip(command[0], reason="it is installed for `make verify` alone")
    port, workers = free_port(), set[int]()
    async with CloudServer() as server, aiohttp.ClientSession() as client:
        with serving(command, port, server, tmp_path / "store"):
            async with asyncio.timeout(PATIENCE):
                while len(workers) < 4:
                    try:
                        # A connection each, so that the kernel deals them out.
                        async with client.get(
                            f"http://127.0.0.1:{port}/deployments", headers={"Connection": "close"}
                        ) as response:
                            assert response.status == 200
                            workers.add((await response.json())["worker"])
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.1)
        assert server.stats.login_attempts == 1
        assert server.stats.unauthorized == 0


# -- PostgreSQL ------------------------------------------------------------------------------


def postgres_home() -> Path | None:
    """Return where PostgreSQL's programs are."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is not None:
        return Path(found).resolve().parent
    return debian[-1].parent if debian else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Run a PostgreSQL of one's own; return how to reach it."""
    pytest.importorskip("asyncpg", reason="it is installed for `make verify` alone")
    home = postgres_home()
    if home is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    # It does not run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user is not None:
            shutil.chown(folder, user)
        data, port = f"{folder}/data", free_port()

        def run(*command: str | Path) -> None:
            subprocess.run(
                command,
                check=True,
                cwd=folder,
                user=user,
                env={"PATH": os.environ["PATH"]},
                stdout=subprocess.DEVNULL,
            )

        auth = ["--auth=trust", "--username=fleet", "--no-sync", "--locale=C"]
        run(home / "initdb", "-D", data, *auth)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control: list[str | Path] = [home / "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log"]
        run(*control, "-o", options, "start")
        try:
            yield f"postgresql://fleet@127.0.0.1:{port}/postgres"
        finally:
            run(*control, "-m", "immediate", "stop")


def names() -> list[str]:
    """Return the names of the claims."""
    return [claim.name for claim in store_contract(lambda: None)]  # type: ignore[arg-type,return-value]  # only the names


@pytest.mark.parametrize("name", names())
async def test_postgres_keeps_the_contract(
    name: str, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the shipped stores do."""
    import asyncpg

    monkeypatch.syspath_prepend(str(EXAMPLES))
    import postgres_store

    async with asyncpg.create_pool(postgres, min_size=1, max_size=4) as pool:
        await pool.execute(postgres_store.TABLE)
        contract = store_contract(lambda: postgres_store.PostgresTokenStore(pool))
        claim: Claim = next(claim for claim in contract if claim.name == name)
        await claim.check()
