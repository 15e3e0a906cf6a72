"""Sealing by the credential itself: who cannot log in can neither find nor read the record.

From user name and password a slow digest gives the record's key in the store and the key that
seals it. A wrong password finds nothing, a rotated one starts another record.

Source: RFC 7914 (scrypt), NIST SP 800-38D (AES-GCM).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from typing import TYPE_CHECKING, Final

from aiocloudauth.credentials import Basic, Password
from aiocloudauth.errors import ConfigurationError
from aiocloudauth.token import Secret

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError as error:
    msg = "a token store needs cryptography: install aiocloudauth[file] or aiocloudauth[redis]"
    raise ConfigurationError(msg) from error

if TYPE_CHECKING:
    from aiocloudauth.credentials import Credentials

__all__ = ["Seal", "SealBrokenError", "seal_of"]

#: Another format of the record is another record.
_FORMAT: Final = "aiocloudauth record 1"
#: 32 MiB and a good part of a second for one guess; fixed, since members have to agree.
_COST: Final = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26}
#: Seals that are kept.
_KEPT: Final = 32
_NONCE: Final = 12


class SealBrokenError(Exception):
    """Not sealed with these credentials, or not for this key, or damaged."""


class Seal:
    """Seals and opens the record of one credential."""

    __slots__ = ("_cipher", "key")

    def __init__(self, digest: bytes) -> None:
        """Take the key's name and the cipher's key from `digest`, 48 bytes."""
        #: The record's key in the store.
        self.key = digest[:16].hex()
        self._cipher = AESGCM(digest[16:])

    def close(self, plain: bytes) -> bytes:
        """Return `plain`, sealed for this key."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, self.key.encode())

    def open(self, sealed: bytes) -> bytes:
        """Return what is sealed.

        Raises:
            SealBrokenError: It was not sealed by this.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self.key.encode())
        except (InvalidTag, ValueError):
            raise SealBrokenError from None


# One derivation costs what a thousand requests do, so a process makes each one once. What is
# kept is told apart by a keyed digest: no password outlives its session here.
_mark: Final = os.urandom(32)
_lock: Final = threading.Lock()
_seals: Final[dict[bytes, Seal]] = {}


async def seal_of(root: str, credentials: Credentials) -> Seal:
    """Return the seal of `credentials`, whose values are plain, for the API at `root`.

    Derived in a thread, once in a process.
    """
    user, password = _pair(credentials)
    salt = f"{_FORMAT}\0{type(credentials).__name__}\0{root}\0{user}".encode()
    secret = password.reveal().encode()
    name = hashlib.blake2b(secret, key=_mark, salt=hashlib.sha256(salt).digest()[:16]).digest()
    found = _seals.get(name)
    return found if found is not None else await asyncio.to_thread(_derived, name, salt, password)


def _derived(name: bytes, salt: bytes, password: Secret) -> Seal:
    with _lock:
        if name not in _seals:
            while len(_seals) >= _KEPT:
                del _seals[next(iter(_seals))]
            digest = hashlib.scrypt(password.reveal().encode(), salt=salt, dklen=48, **_COST)
            _seals[name] = Seal(digest)
        return _seals[name]


def _pair(credentials: Credentials) -> tuple[str, Secret]:
    if not isinstance(credentials, Password | Basic):
        kind = type(credentials).__name__
        raise ConfigurationError(f"{kind} cannot have a token store: only what logs in can")
    user, password = (
        value if isinstance(value, Secret) else Secret(str(value))
        for value in (credentials.username, credentials.password)
    )
    return user.reveal(), password
