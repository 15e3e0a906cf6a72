"""The API root: which URLs are below it, and which share its origin."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from yarl import URL

from aiocloudauth.errors import ConfigurationError

__all__ = ["Endpoint"]

#: The API root where the given URL has no path.
API_ROOT: Final = "/api/v1/"

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # RFC 3986 section 3.1
#: What a path may not have: URL parsers drop some of these, and read what is left.
_DROPPED: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

_SECURE: Final = {"http": False, "ws": False, "https": True, "wss": True}


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parsed(url: object) -> URL | None:
    if isinstance(url, URL):
        return url
    if not isinstance(url, str):
        msg = f"the URL must be a str or a yarl.URL, not {type(url).__name__}"
        raise ConfigurationError(msg)
    text = url.strip()
    try:
        return URL(text) if text.isprintable() and " " not in text else None
    except ValueError:
        return None  # its message may quote a password that stands where a port should


class Endpoint:
    """The API root and its origin.

    Args:
        url: Scheme, host and port; without a path the API root is ``/api/v1``, with one
            (a reverse proxy) it is that path.
        allow_http: Whether plain ``http`` to a host other than loopback is allowed.

    Raises:
        ConfigurationError: The URL is empty, relative, of another scheme, carries user
            info, a query or a fragment, or is plain ``http`` where that is not allowed.
    """

    __slots__ = ("_host", "_port", "_secure", "root")

    def __init__(self, url: str | URL, *, allow_http: bool = False) -> None:
        """Check `url` and keep its root and origin."""
        parsed = _parsed(url)
        problem = None
        if parsed is None:
            raise ConfigurationError("the URL cannot be parsed")
        if not str(parsed):
            problem = "the URL is empty"
        elif parsed.scheme not in {"http", "https"}:
            problem = "the URL must start with https:// (or http://)"
        elif not parsed.raw_host or not parsed.port:
            problem = "the URL has no host"
        elif parsed.user is not None or parsed.password is not None:
            problem = "the URL must not carry user info; pass Password(...) instead"
        elif parsed.raw_query_string or parsed.raw_fragment:
            problem = "the URL must not have a query or a fragment"
        elif parsed.scheme == "http" and not allow_http and not _is_loopback(parsed.host or ""):
            problem = (
                f"http to {parsed.host} would send the credentials in clear text; "
                "use https, or allow_http=True"
            )
        if problem is not None:
            raise ConfigurationError(problem)
        path = parsed.raw_path.rstrip("/")
        self.root = parsed.with_path(f"{path}/" if path else API_ROOT, encoded=True)
        self._secure = _SECURE[parsed.scheme]
        self._host = (parsed.raw_host or "").lower()
        self._port = parsed.port

    @property
    def hosted(self) -> bool:
        """Whether this is Elastic Cloud's own API, which has no login."""
        return is_hosted(self._host)

    def owns(self, url: URL) -> bool:
        """Return whether `url` has this origin: scheme, host and effective port.

        ``ws`` counts as ``http`` and ``wss`` as ``https``. Source: RFC 6454 section 4.
        """
        return (
            url.port == self._port
            and _SECURE.get(url.scheme) is self._secure
            and (url.raw_host == self._host or (url.raw_host or "").lower() == self._host)
        )

    def below(self, path: str | URL) -> URL:
        """Return the URL for a path of the API's own, escaped and without dot segments."""
        # "./" keeps a colon in the first segment from being read as a scheme.
        return self.root.join(URL(f"./{str(path).lstrip('/')}", encoded=True))

    def resolve(self, path: str | URL) -> URL:
        """Return the URL for `path`, which is below the API root or absolute.

        A ``str`` of a class of its own, such as a ``(str, Enum)``, is its value.

        Raises:
            ConfigurationError: It climbs above the root, is a ``//host`` reference, or has
                a control character or half of a surrogate pair.
        """
        if isinstance(path, str):
            text = str.__str__(path)  # not `str(path)`: a (str, Enum) gives its name there
        elif isinstance(path, URL):
            text = str(path)
        else:
            msg = f"a path must be a str or a yarl.URL, not {type(path).__name__}"
            raise ConfigurationError(msg)
        if _DROPPED.search(text):
            msg = "a path must not have control characters, nor half of a surrogate pair"
            raise ConfigurationError(msg)
        if text.startswith("//"):
            raise ConfigurationError("a path must not start with //: that names a host")
        joined = self._joined(text, encoded=isinstance(path, URL))
        if joined is None:
            raise ConfigurationError("the path cannot be parsed")
        if _ABSOLUTE.match(text):
            return joined
        climbs = ".." in joined.path.replace("\\", "/").split("/")
        if climbs or not f"{joined.raw_path}/".startswith(self.root.raw_path):
            raise ConfigurationError("the path climbs above the API root")
        if not self.owns(joined):  # whatever the text was
            raise ConfigurationError("the path leads to another host")
        return joined

    def _joined(self, text: str, *, encoded: bool) -> URL | None:
        try:
            if _ABSOLUTE.match(text):
                return URL(text, encoded=encoded)
            text = text.lstrip("/")
            whole = URL(f"/{text}", encoded=encoded)
            if f"{whole.raw_path}/".startswith(self.root.raw_path):
                return self.root.join(whole)  # the API root is there already
            # "./" keeps a colon in the first segment from being read as a scheme.
            return self.root.join(URL(f"./{text}", encoded=encoded))
        except ValueError:
            return None  # its message may quote user info


def proxy_url(proxy: object) -> URL | None:
    """Return the URL of a proxy; `None` for none.

    Raises:
        ConfigurationError: It is no absolute URL with a host.
    """
    if proxy is None:
        return None
    parsed = _parsed(proxy)
    if parsed is None or not parsed.scheme or not parsed.raw_host:
        raise ConfigurationError("the proxy must be an absolute URL, such as http://proxy:3128")
    return parsed


def is_hosted(host: str) -> bool:
    """Return whether a host is one of the hosted Elastic Cloud."""
    return f".{host}".endswith(".elastic-cloud.com")


def without_secrets(url: URL) -> str:
    """Return `url` without user info, query and fragment, for messages and events."""
    return str(url.with_user(None).with_query(None).with_fragment(None))
