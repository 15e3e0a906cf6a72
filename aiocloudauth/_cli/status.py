"""Tells how the session stands: of a store what it holds, which asks nothing of the ECE.

Without a store it logs in, asks the ECE whether the token is good, and logs out again.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiocloudauth._cli.options import connection

if TYPE_CHECKING:
    import argparse

    from aiocloudauth._cli.settings import Settings
    from aiocloudauth._cli.storing import CommandStore
    from aiocloudauth._core.sharing import Shared

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="as JSON, errors too")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print how the session stands."""
    from aiocloudauth._cli.settings import read_settings

    told = asyncio.run(_status(read_settings(arguments)))
    if arguments.json:
        print(json.dumps(told))
        return 0
    from aiocloudauth._runtime.log_records import span

    left = told["seconds_left"]
    ends = "" if left is None else f", ends in {span(left)}, at {told['session_expiration_time']}"
    print(f"host     {told['host']}")
    print(f"user     {told['user'] or 'of an API key'}")
    print(f"session  {told['state']}{ends}")
    if "store" in told:
        which = f"token {told['generation']}" if told["generation"] else "none yet"
        print(f"store    {told['store']} holds {which}")
        if told["last_error"]:
            print(f"failed   {told['last_error']}")
    return 0


async def _status(settings: Settings) -> dict[str, Any]:
    from aiocloudauth._cli.connecting import connected, instants
    from aiocloudauth._cli.storing import opened_store
    from aiocloudauth.clock import Clock

    told: dict[str, Any] = {
        "host": settings.url,
        "user": settings.user,
        "credentials": type(settings.credentials).__name__,
    }
    async with opened_store(settings) as store:
        if store is not None:
            return told | await _held(store)
    async with connected(settings) as cloud:
        async with cloud.get("/users/auth"):
            pass  # the API takes the token
        end = cloud.session_expiration_time
        left = None if end is None else round(end.timestamp() - Clock().time())
        return told | {"state": cloud.state.value, **instants(end), "seconds_left": left}


async def _held(store: CommandStore) -> dict[str, Any]:
    """Return what the store's record says."""
    from aiocloudauth._cli.connecting import instants
    from aiocloudauth._cli.exits import line
    from aiocloudauth._core.sharing import standing
    from aiocloudauth.clock import Clock
    from aiocloudauth.policy import RenewalPolicy

    shared = await _record(store)
    state, left = standing(shared, Clock().time(), RenewalPolicy())
    return {
        "state": state.value,
        **instants(None if left is None else shared.expires_at),
        "seconds_left": None if left is None else round(left),
        "store": store.name,
        "generation": shared.generation,
        "last_error": None if shared.failure is None else line(shared.failure.error),
    }


async def _record(store: CommandStore) -> Shared:
    """Load the record; one that is none of ours counts as none, as for a session."""
    from aiocloudauth._core.sharing import Shared
    from aiocloudauth._wire.record import LaterFormatError, MalformedError, from_bytes
    from aiocloudauth.errors import StoreError
    from aiocloudauth.stores.sealing import SealBrokenError

    entry = await store.load()
    try:
        return Shared() if entry is None else from_bytes(store.seal.open(entry.value))
    except LaterFormatError:
        raise StoreError(
            f"the record in {store.name} is of a later version of aiocloudauth"
        ) from None
    except (SealBrokenError, MalformedError):
        return Shared()
