"""A token store of one's own: PostgreSQL, by way of asyncpg.

A fleet that has a database and nothing else shares its session there. `aiocloudauth.testing` has
the contract that this keeps:

    @pytest.mark.parametrize("claim", store_contract(lambda: PostgresTokenStore(pool)), ids=str)
    async def test_postgres(claim):
        await claim.check()
"""

from __future__ import annotations

import secrets

import asyncpg

from aiocloudauth import StoreError
from aiocloudauth.stores import Entry

TABLE = """
create table if not exists aiocloudauth_records (
    key text primary key, version text not null, value bytea not null, forget timestamptz not null
)
"""
LOAD = "select version, value from aiocloudauth_records where key = $1 and forget > now()"
# A record that was forgotten counts as none.
INSERT = """
insert into aiocloudauth_records values ($1, $2, $3, now() + make_interval(secs => $4))
on conflict (key) do update set version = $2, value = $3, forget = excluded.forget
where aiocloudauth_records.forget <= now()
"""
UPDATE = """
update aiocloudauth_records set version = $2, value = $3, forget = now() + make_interval(secs => $4)
where key = $1 and version = $5 and forget > now()
"""


class PostgresTokenStore:
    """Keeps the record in a table; the pool stays the caller's."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool; run `TABLE` once before."""
        self._pool = pool

    async def load(self, key: str) -> Entry | None:
        """Return what is held under `key`."""
        try:
            row = await self._pool.fetchrow(LOAD, key)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreError(f"PostgreSQL: {type(error).__name__}") from error
        return None if row is None else Entry(bytes(row["value"]), row["version"])

    async def swap(self, key: str, value: bytes, *, expected: str | None, ttl: float) -> str | None:
        """Write `value` if the version is `expected`."""
        version = secrets.token_hex(8)
        query, more = (INSERT, ()) if expected is None else (UPDATE, (expected,))
        try:
            done = await self._pool.execute(query, key, version, value, ttl, *more)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreError(f"PostgreSQL: {type(error).__name__}") from error
        return version if done.endswith(" 1") else None

    async def close(self) -> None:
        """Do nothing: the pool is the caller's."""
