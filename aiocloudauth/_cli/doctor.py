"""Checks each step from the name of the host to the renewal of the token.

Each line is ok, or says what to do; what cannot be checked after a failure is left out. The
exit status is that of the first failure.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import platform
import socket
import ssl
import stat
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from attrs import define, evolve, field

from aiocloudauth._cli.connecting import connected
from aiocloudauth._cli.exits import exit_code, line
from aiocloudauth._cli.options import connection
from aiocloudauth._cli.settings import read_settings
from aiocloudauth._cli.storing import opened_store
from aiocloudauth._runtime.log_records import span
from aiocloudauth._wire.endpoint import Endpoint
from aiocloudauth._wire.schema import http_date
from aiocloudauth.clock import Clock
from aiocloudauth.errors import (
    CloudAuthError,
    ConfigurationError,
    StoreError,
    TLSError,
    TransportError,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable

    from yarl import URL

    from aiocloudauth._cli.settings import Settings

__all__ = ["arguments", "run"]

#: Seconds between two clocks that are worth a word.
_OFF: Final = 5.0
#: What to do about a certificate, by OpenSSL's number for what is wrong (X509_V_ERR_…). Only where
#: the server sends an authority that signed itself can that be fetched from there.
_FETCH: Final = (
    "the SHA-256 fingerprint of the first one is {print}; ask who runs this ECE whether that is "
    "right. If so: openssl s_client -connect {where} -showcerts </dev/null, save the last "
    "certificate that it shows as ca.pem, and give --ca-file ca.pem"
)
_ASK: Final = "ask who runs this ECE for the certificate of its authority, and give --ca-file FILE"
_REMEDIES: Final = {
    9: "is this machine's clock right?",
    10: "who runs this ECE has to renew it; is this machine's clock right?",
    18: _FETCH,
    19: _FETCH,
    62: "is the host right? The certificate is for another name",
    64: "is the host right? The certificate is for another address",
}
_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--json", action="store_true", help="as a JSON list, errors too")
    connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check, and print what was found."""
    settings = read_settings(arguments)
    doctor = _Doctor(settings, plain=not arguments.json)
    asyncio.run(doctor.examine())
    if arguments.json:
        print(json.dumps(doctor.findings))
    return doctor.status


class _EndedError(Exception):
    """What follows needs what has just failed."""


@define(eq=False)
class _Doctor:
    """Goes through the checks, and keeps what each found."""

    settings: Settings
    plain: bool = field(kw_only=True)
    findings: list[dict[str, Any]] = field(factory=list)
    status: int = 0
    clock: Clock = field(factory=Clock)
    root: URL = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find the API root."""
        self.root = Endpoint(self.settings.url, allow_http=self.settings.allow_http).root

    def say(self, check: str, told: str, *, status: int = 0, warning: bool = False) -> None:
        """Note what a check found."""
        result = "FAILED" if status else "warning" if warning else "ok"
        self.status = self.status or status
        self.findings.append({"check": check, "result": result, "told": told})
        if self.plain:
            print(f"{result:8} {check}: {told}", flush=True)

    def fail(self, check: str, error: Exception, told: str = "") -> _EndedError:
        """Note a failure; what is returned ends the examination."""
        self.say(check, told or line(error), status=exit_code(error))
        return _EndedError()

    async def examine(self) -> None:
        """Check all, as far as one thing leads to the next."""
        self._versions()
        self._proxies()
        self._files()
        await self._store()
        try:
            await self._name()
            await self._port()
            if self.root.scheme == "https":
                await self._certificate()
            await self._api()
            await self._session()
        except _EndedError:
            pass

    # -- this machine ---------------------------------------------------------------------

    def _versions(self) -> None:
        from aiocloudauth import __version__

        versions = (
            f"aiocloudauth {__version__}, aiohttp {aiohttp.__version__}, "
            f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}"
        )
        self.say("versions", versions)

    def _proxies(self) -> None:
        found = [n for n in _PROXIES if os.environ.get(n) or os.environ.get(n.lower())]
        if not found:
            self.say("proxy", "no proxy variables are set")
            return
        names = ", ".join(found)
        told = f"{names} set, and not used: this connects directly (trust_env=True is for programs)"
        self.say("proxy", told, warning=True)

    def _files(self) -> None:
        for path in self.settings.files:
            mode = stat.S_IMODE(path.stat().st_mode)
            if os.name == "posix" and mode & 0o077:
                told = f"{path} can be read by others ({mode:04o}): chmod 600 {path}"
                self.say("files", told, warning=True)
            else:
                self.say("files", f"{path} is yours alone")

    async def _store(self) -> None:
        try:
            async with opened_store(self.settings) as store:
                if store is None:
                    return
                await store.try_out()
        except (ConfigurationError, StoreError) as error:
            self.fail("store", error)
        else:
            told = f"{store.name} can be read and written; aiocloudauth status tells what it holds"
            self.say("store", told)

    # -- the way to the host --------------------------------------------------------------

    async def _within(self, awaitable: Awaitable[Any]) -> Any:  # noqa: ANN401 - its own result
        async with self.clock.timeout(self.settings.timeout):
            return await awaitable

    @property
    def _where(self) -> tuple[str, int]:
        return str(self.root.host), int(self.root.port or 0)

    async def _name(self) -> None:
        host, port = self._where
        loop = asyncio.get_running_loop()
        try:
            found = await self._within(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or "no answer in time"
            told = f"{host} cannot be resolved: {why}: is it written right, and DNS reachable?"
            raise self.fail("name", TransportError(told), told) from None
        addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
        self.say("name", f"{host} is {addresses}")

    async def _port(self) -> None:
        host, port = self._where
        try:
            _, writer = await self._within(asyncio.open_connection(host, port))
        except (OSError, TimeoutError) as error:
            silent = isinstance(error, TimeoutError)
            if silent:
                why = f"gives no answer within {self.settings.timeout:g} s: a firewall?"
            else:
                why = "takes no connection: is ECE running there? (https 12443, http 12400)"
            raise self.fail("port", error, f"{host}:{port} {why}") from None
        writer.close()
        self.say("port", f"{host}:{port} takes connections")

    async def _handshake(self, context: ssl.SSLContext) -> ssl.SSLObject:
        host, port = self._where
        _, writer = await self._within(asyncio.open_connection(host, port, ssl=context))
        found: ssl.SSLObject = writer.get_extra_info("ssl_object")
        writer.transport.abort()
        return found

    async def _certificate(self) -> None:
        host, port = self._where
        given = self.settings.ssl
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        try:
            shown = (await self._handshake(anybody)).getpeercert(binary_form=True) or b""
        except (OSError, TimeoutError) as error:
            told = f"{host}:{port} speaks no TLS"
            if await self._speaks_http():
                told = f"{told} but http: write http://{host}:{port}, or the port of https"
            raise self.fail("TLS", TLSError(str(error)), told) from None
        digest = hashlib.sha256(shown).hexdigest().upper()
        print_ = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
        if given is False:
            told = f"not checked, as --insecure says; SHA-256 {print_}"
            self.say("TLS", told, warning=True)
            return
        try:
            path = given if isinstance(given, str) else None
            trusting = ssl.create_default_context(cafile=path)
            taken = await self._handshake(trusting)
        except ssl.SSLCertVerificationError as error:
            remedy = _REMEDIES.get(error.verify_code, _ASK)
            told = (
                f"the certificate is not trusted ({error.verify_message}): "
                f"{remedy.format(print=print_, where=f'{host}:{port}')}"
            )
            raise self.fail("TLS", TLSError(told), told) from None
        except OSError as error:
            told = f"{path or 'TLS'}: {error.strerror or type(error).__name__}"
            raise self.fail("TLS", TLSError(told), told) from None
        ends = str((taken.getpeercert() or {}).get("notAfter", ""))
        left = ssl.cert_time_to_seconds(ends) - self.clock.time()
        told = f"the certificate is trusted, and ends in {span(max(0.0, left))}; SHA-256 {print_}"
        self.say("TLS", told)

    async def _speaks_http(self) -> bool:
        return (await self._answer(self.root.with_scheme("http").with_port(self.root.port)))[0] > 0

    async def _speaks_tls(self) -> bool:
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        try:
            await self._handshake(anybody)
        except (OSError, TimeoutError):
            return False
        return True

    # -- the API --------------------------------------------------------------------------

    async def _answer(self, root: URL) -> tuple[int, bytes, str]:
        """Ask for the sign-in methods; a status of 0: there was no answer in HTTP."""
        patience = aiohttp.ClientTimeout(total=self.settings.timeout)
        given = self.settings.ssl
        trusted: Any = ssl.create_default_context(cafile=given) if isinstance(given, str) else given
        url = root / "users/auth/methods"
        try:
            async with (
                aiohttp.ClientSession(timeout=patience) as http,
                http.get(url, ssl=trusted, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(65_536)
                return answer.status, body, answer.headers.get("Date", "")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, b"", ""

    async def _api(self) -> None:
        host, port = self._where
        began = self.clock.time()
        status, body, date = await self._answer(self.root)
        ended = self.clock.time()
        if self.root.scheme == "http" and status != 200 and await self._speaks_tls():
            told = f"{host}:{port} speaks https: write https://{host}:{port}"
            raise self.fail("API", TLSError(told), told)
        if status == 0:
            told = f"{self.root} gave no answer in HTTP within {self.settings.timeout:g} s"
            raise self.fail("API", TransportError(told), f"{told}: is this the port of the API?")
        try:
            document = json.loads(body)
            names = [key for key, value in document.items() if value is True]
        except (ValueError, AttributeError):
            names, document = [], None
        if status != 200 or document is None:
            kind = "no JSON" if document is None else "JSON"
            told = (
                f"{self.root} is not ECE's API: users/auth/methods answered {status} with {kind}. "
                "Are port and path right?"
            )
            raise self.fail("API", CloudAuthError(told), told) from None
        self.say("API", f"{self.root} answers; it offers: {', '.join(names) or 'no method known'}")
        self._compare(date, began, ended)

    def _compare(self, date: str, began: float, ended: float) -> None:
        server = http_date(date)
        if server is None:
            self.say("clock", "answers have no Date to compare with", warning=True)
            return
        # The header is cut to whole seconds.
        ahead = server.timestamp() + 0.5 - (began + ended) / 2
        if abs(ahead) <= _OFF:
            self.say("clock", "as the server's, within 5 s")
            return
        which = "behind" if ahead > 0 else "ahead of"
        told = f"this machine's is {span(abs(ahead))} {which} the server's: sessions allow for it"
        self.say("clock", told, warning=True)

    async def _session(self) -> None:
        what = "login"
        try:
            # Alone, so that it is a login, and the fleet's session is let be.
            async with connected(evolve(self.settings, store=None)) as cloud:
                who = self.settings.user or "the key"
                self.say("login", f"{who} is let in")
                what = "renewal"
                if self.settings.user is None:
                    self.say("renewal", "a key is not renewed")
                else:
                    await cloud.refresh()
                    self.say("renewal", "the token was renewed")
                end = cloud.session_expiration_time
                left = None if end is None else end.timestamp() - self.clock.time()
                told = "unknown" if left is None else f"the session ends in {span(left)}"
                self.say("expiry", f"{told}, and is renewed before" if left else told)
        except CloudAuthError as error:
            raise self.fail(what, error) from None
