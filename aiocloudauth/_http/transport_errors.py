"""No usable answer to a call: aiohttp's errors to this package's, with a remedy for each.

Told apart by their classes and by what OpenSSL names, never by their words.
"""

from __future__ import annotations

import os
import ssl
from typing import Final

import aiohttp

from aiocloudauth._http.compat import forget_proxy
from aiocloudauth.errors import (
    CloudAuthError,
    InvalidResponseError,
    RenewalTimeoutError,
    TLSError,
    TransportError,
    frameless,
)

__all__ = ["connected", "no_answer", "unanswered"]

_TRUST: Final = 'ssl="ca.pem" or EC_CA_FILE names the authority to trust'
_CONNECTOR: Final = (
    "A connector= serves the API calls alone: ssl= is for both, auth_connector= for these."
)
_PIN: Final = "ssl=aiohttp.Fingerprint(...) takes this one as it is"

#: What is wrong with a certificate, and the remedy, by OpenSSL's number for it (X509_V_ERR_…).
_CERTIFICATE: Final = {
    9: ("is not valid yet", f"is this machine's clock right? {_TRUST}, {_PIN}"),
    10: ("has expired", f"the server needs a new one; {_TRUST}, {_PIN}"),
    62: ("is for another name", f"is the URL's host right? {_TRUST}, {_PIN}"),
    64: ("is for another address", f"is the URL's host right? {_TRUST}, {_PIN}"),
}


def connected(error: Exception) -> bool:
    """Return whether somebody took the connection and then ended it, or spoke no HTTP."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientResponseError):
        return True
    return isinstance(getattr(error, "os_error", error.__cause__), ConnectionResetError)


def unanswered(error: aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) -> bool:
    """Return whether a connection that had been made ended with no part of an answer."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is what there was of the answer
    return not isinstance(error, aiohttp.ClientConnectorError)


def no_answer(call: object, error: Exception, *, brought: bool) -> CloudAuthError:
    """Return the typed error for what aiohttp raised instead of an answer.

    Args:
        call: Begins the message: the method and the URL.
        error: What aiohttp raised. Where it may quote the answer it becomes no cause.
        brought: Whether the caller brought a connector for this call.
    """
    kind = type(error).__name__
    forget_proxy(error)
    match error:
        case aiohttp.ClientHttpProxyError():
            return TransportError(f"{call}: the proxy refused the connection ({error.status})")
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            msg = f"{call}: the answer is no whole HTTP message ({kind})"
            return InvalidResponseError(msg, problems=("malformed or cut short @ $",))
        case aiohttp.ServerDisconnectedError():
            return TransportError(f"{call}: the connection was closed without an answer ({kind})")
        case aiohttp.ServerFingerprintMismatch():
            msg = f"{call}: the certificate is another one than ssl= has the fingerprint of"
            return TLSError(msg)
        case aiohttp.ClientConnectorCertificateError():
            made: CloudAuthError = TLSError(f"{call}: {_of_certificate(error)}")
            _hint(made, brought)
        case aiohttp.ClientConnectorSSLError():
            made = TLSError(
                f"{call}: {error.host}:{error.port} cannot agree on TLS ({_named(error)}). "
                "Does this port speak http? Write http:// into the URL, or the port of https"
            )
        case TimeoutError():
            made = RenewalTimeoutError(f"{call}: no answer in time ({kind})")
        case aiohttp.ClientConnectorDNSError():
            why = error.os_error.strerror or kind
            made = TransportError(f"{call}: the name {error.host} cannot be resolved: {why}")
            _hint(made, brought)
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))):
            why = os.strerror(number)
            made = TransportError(f"{call}: no connection to {error.host}:{error.port}: {why}")
        case _:
            made = TransportError(f"{call}: no answer: {kind}: {error}")
    return made.because(frameless(error))


def _of_certificate(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    code = getattr(cause, "verify_code", 0)
    said = getattr(cause, "verify_message", type(cause).__name__)
    what, remedy = _CERTIFICATE.get(code, ("is not trusted", _TRUST))
    return f"the certificate of {error.host}:{error.port} {what} ({said}): {remedy}"


def _named(error: aiohttp.ClientConnectorSSLError) -> str:
    cause = error.os_error
    reason = cause.reason if isinstance(cause, ssl.SSLError) else None
    return reason or type(cause).__name__


def _hint(error: CloudAuthError, brought: bool) -> None:  # noqa: FBT001 - the one thing it is about
    """Add what only a program can heed, for its traceback: no line of a log wants it."""
    if not brought:
        error.add_note(_CONNECTOR)
