"""Rotate an API key: make a new one while the old one still works, then delete the old one.

Run it daily. The key is kept in a JSON file (EC_KEY_FILE) as {"id": ..., "key": ...}, which is
replaced only once the new key has worked. The first run logs in with EC_USER and EC_PASS. EC_HOST
says where the ECE is, EC_CA_FILE what it is trusted by.

A service that holds a key for long does the same when it is told `events.KeyExpiring`.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aiocloudauth import ApiKey, CloudSession, NotFoundError, Password
from aiocloudauth.clock import Clock

#: How long a new key works, and how long before its end it is replaced.
LIFE: Final = "30d"
AHEAD: Final = timedelta(days=7)


def read(file: Path) -> dict[str, str] | None:
    """Return the key in use, if there is one."""
    if not file.exists():
        return None
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return kept


def write(file: Path, key: dict[str, str]) -> None:
    """Replace the key in one step; nobody else may read it."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:  # noqa: PTH123 - the mode counts from the start
        json.dump(key, opened)
    new.replace(file)


async def ends(cloud: CloudSession) -> datetime | None:
    """Return when the session's key ends: any answer to it says so."""
    await cloud.api.get_authentication_info()
    return cloud.session_expiration_time


async def rotate(url: str, file: Path, *, clock: Clock | None = None, **options: Any) -> bool:
    """Replace the key in `file` if it is about to end; tell whether it was."""
    clock = clock or Clock()
    old = read(file)
    credentials = (
        ApiKey(old["key"]) if old else Password(os.environ["EC_USER"], os.environ["EC_PASS"])
    )
    async with CloudSession(url, credentials, clock=clock, **options) as cloud:
        if old:
            end = await ends(cloud)
            if end is None or end - datetime.fromtimestamp(clock.time(), UTC) > AHEAD:
                return False
        made = await cloud.api.create_api_key(body={"description": "rotated", "expiration": LIFE})
        key = {"id": made["id"], "key": made.get("key") or ""}
        async with CloudSession(url, ApiKey(key["key"]), clock=clock, **options) as fresh:
            print(f"the new key works until {await ends(fresh)}")
            write(file, key)
            if old:
                try:
                    await fresh.api.delete_api_key(old["id"])
                except NotFoundError:
                    print("the old key was gone already")
    return True


if __name__ == "__main__":
    rotated = asyncio.run(
        rotate(
            os.environ["EC_HOST"],
            Path(os.environ["EC_KEY_FILE"]),
            ssl=os.environ.get("EC_CA_FILE") or True,
        )
    )
    print("rotated" if rotated else "nothing to do")
