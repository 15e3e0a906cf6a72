"""Every client side by side, under what ends a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import herd, under_renewal
from benchmarks.clients import FIRST, NOTHING, OURS, RAW
from benchmarks.good_path import rates
from benchmarks.peers import installed
from benchmarks.rows import ratio, table

if TYPE_CHECKING:
    from benchmarks.steering import Server

_HEAD = ["client", "requests a second, to raw"]
_HEAD += ["at expiry: renewals, 401s, failed", "s", "revoked: renewals, 401s, failed", "s"]
_HEAD += ["under renewal: failed of", "slowest"]


async def clients(server: Server) -> str:
    """Return a table of one herd of each kind and one stretch under renewal, a client a line."""
    taking_part = {OURS: FIRST[OURS], **installed()}
    rated = await rates(server, FIRST | taking_part, rounds=9, seconds=0.15)
    lines = [[name, ratio(rated[name], rated[RAW]).text(), *[""] * 6] for name in (RAW, NOTHING)]
    for name, client in taking_part.items():
        cells = [name, ratio(rated[name], rated[RAW]).text()]
        for kind in herd.KINDS.values():
            found = await kind(client, server)
            cells.append(f"{found.renewals:,}, {found.refused:,}, {found.failed:,}")
            cells.append(f"{found.wall:.1f}")
        load = await under_renewal.run(client, server, revoke=True, seconds=5.0)
        cells.append(f"{load.failed:,} of {load.requests:,}")
        cells.append(f"{load.slowest * 1e3:,.0f} ms")
        lines.append(cells)
    return table(_HEAD, lines)
