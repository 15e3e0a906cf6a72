"""A session in a notebook: the example, and what people do to a kernel."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from aiocloudauth.testing import CloudServer, Fault, Status
from tests.verify.programs import EXAMPLES, PATIENCE, environment, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOTEBOOK = EXAMPLES / "notebook.ipynb"


@pytest.fixture(autouse=True)
def own_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep Jupyter out of the user's own."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


class Kernel:
    """A kernel that runs one cell after the other."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - what nbclient holds may be unset
        self.client = client

    async def run(self, source: str) -> list[Any]:
        """Run a cell and return its outputs."""
        cell = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]  # no types
        self.client.nb.cells.append(cell)
        await self.client.async_execute_cell(cell, len(self.client.nb.cells) - 1)
        return list(cell.outputs)


def opening() -> str:
    """Return the example's first cell."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])


@asynccontextmanager
async def kernel(server: CloudServer, **options: Any) -> AsyncIterator[Kernel]:
    """Start a kernel that finds `server`."""
    empty = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]  # it has no types
    client = NotebookClient(empty, timeout=PATIENCE, kernel_name="python3", **options)
    async with client.async_setup_kernel(env=environment(server)):
        yield Kernel(client)


def html(outputs: list[Any]) -> str:
    """Return what a notebook shows of the only output."""
    [output] = outputs
    return str(output["data"]["text/html"])


def test_the_notebook_is_committed_without_outputs() -> None:
    """Outputs would differ from run to run, and tell of the machine they come from."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"]] == []
    assert "= await CloudSession(" in opening()


async def test_the_notebook_runs_in_a_jupyter_kernel() -> None:
    """Top-level await, in a kernel whose loop lives on between the cells."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]  # no types
    async with CloudServer() as server:
        server.reply("/deployments", {"deployments": []})
        client = NotebookClient(notebook, timeout=PATIENCE, kernel_name="python3")
        await client.async_execute(env=environment(server))
        assert (server.stats.logins, server.stats.refreshes, server.stats.logouts) == (1, 1, 1)
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert "active" in html(outputs[0])
    assert outputs[1][0]["data"]["text/plain"] == "{'deployments': []}"
    assert re.search(r"renewals</th><td[^>]*>1<", html(outputs[2][1:]))
    assert "closed" in html(outputs[3])
    assert "secret" not in str(outputs)


GET = 'async with cloud.get("/deployments/{}") as response:\n    print(response.status)'
FAILING = "try:\n    await cloud.refresh()\nexcept Exception:\n    pass\ncloud"


async def test_what_people_do_to_a_kernel_leaves_one_session_and_nothing_on_red() -> None:
    """A renewal that fails, an interrupt, the opening cell run again, a restart."""
    async with CloudServer() as server, kernel(server, allow_errors=True) as one:
        server.reply("/deployments/quick", {})
        assert "active" in html(await one.run(opening()))
        server.script(Fault("/users/auth/_refresh", Status(503, "auth.busy")))
        *logged, table = await one.run(FAILING)
        assert {output.get("name") for output in logged} == {"stdout"}
        assert "auth.busy" in html([table])
        assert "degraded" in html([table])

        server.script(Fault("/deployments/slow", ("silence",)))
        cell = asyncio.ensure_future(one.run(GET.format("slow")))
        await until(lambda: len(server.log.to("/deployments/slow")) == 1)
        await one.client.km.interrupt_kernel()
        [error] = await cell
        assert error["ename"] in {"KeyboardInterrupt", "CancelledError"}
        printed = await one.run(GET.format("quick"))
        assert {output.get("name") for output in printed} == {"stdout"}
        assert "200\n" in "".join(output["text"] for output in printed)
        assert (server.stats.logins, server.stats.logouts) == (1, 0)

        assert "active" in html(await one.run(opening()))
        assert (server.stats.logins, server.stats.logouts) == (2, 1)

        await one.client.km.restart_kernel(now=True)
        await one.client.kc.wait_for_ready()
        assert "active" in html(await one.run(opening()))
        assert server.stats.logins == 3
