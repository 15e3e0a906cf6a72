"""Who cannot log in can neither find nor read a record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import ApiKey, Basic, Bearer, ConfigurationError, Password
from aiocloudauth.stores import sealing
from aiocloudauth.stores.sealing import Seal, SealBrokenError, seal_of

if TYPE_CHECKING:
    from aiocloudauth.credentials import Credentials

ROOT = "https://ece.example.com:12443/api/v1/"
ADMIN = Password("admin", "s3cret")


async def test_the_same_credential_finds_and_reads_it() -> None:
    """In every process: nothing is drawn but the nonce."""
    seal = await seal_of(ROOT, ADMIN)
    sealed = seal.close(b"record")
    assert seal.open(sealed) == b"record"
    assert seal.key == "5ccbf3d7810ddc6699e146e11491b64d"
    assert seal.close(b"record") != sealed
    assert b"record" not in sealed


@pytest.mark.parametrize(
    ("root", "credentials"),
    [
        (ROOT, Password("admin", "rotated")),
        (ROOT, Password("other", "s3cret")),
        (ROOT, Basic("admin", "s3cret")),
        ("https://ece.example.com/api/v1/", ADMIN),
    ],
    ids=["password", "user", "kind", "root"],
)
async def test_any_other_finds_nothing_and_reads_nothing(
    root: str, credentials: Credentials
) -> None:
    """Another password, user, kind or API root."""
    ours, theirs = await seal_of(ROOT, ADMIN), await seal_of(root, credentials)
    assert ours.key != theirs.key
    with pytest.raises(SealBrokenError):
        theirs.open(ours.close(b"record"))


async def test_a_record_at_another_key_or_changed_is_broken() -> None:
    """The key is part of the seal; so is every byte."""
    digest = bytes(range(48))
    one, other = Seal(digest), Seal(bytes(16) + digest[16:])
    sealed = one.close(b"record")
    for broken in (sealed[:-1], sealed[:5], b"", bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(SealBrokenError):
            one.open(broken)
    with pytest.raises(SealBrokenError):
        other.open(sealed)


async def test_it_is_derived_once_for_all_members_of_a_process() -> None:
    """However many ask at once."""
    seals = await asyncio.gather(*(seal_of(ROOT, Password("herd", "s3cret")) for _ in range(20)))
    assert len({id(seal) for seal in seals}) == 1


async def test_a_process_keeps_so_many_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes, and is derived again when it is asked for."""
    monkeypatch.setattr(sealing, "_KEPT", 2)
    monkeypatch.setattr(sealing, "_seals", {})
    first, second, _ = [await seal_of(ROOT, Password("kept", name)) for name in "abc"]
    assert len(sealing._seals) == 2
    assert await seal_of(ROOT, Password("kept", "b")) is second
    again = await seal_of(ROOT, Password("kept", "a"))
    assert again is not first
    assert again.key == first.key


@pytest.mark.parametrize("credentials", [Bearer("abc"), ApiKey("a2V5")], ids=["bearer", "key"])
async def test_only_what_logs_in_has_a_seal(credentials: Credentials) -> None:
    """Nothing else could log in for the fleet."""
    with pytest.raises(ConfigurationError, match="token store"):
        await seal_of(ROOT, credentials)
