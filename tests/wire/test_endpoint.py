"""The API root: which URLs are taken, what is below it, what shares its origin."""

from __future__ import annotations

import enum
import posixpath
import re
import traceback
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from aiocloudauth._wire.endpoint import Endpoint, proxy_url, without_secrets
from aiocloudauth.errors import ConfigurationError

PLANTED = "pl4nted-secret"
ECE = Endpoint("https://ece.example.com:12443")
PROXIED = Endpoint("https://h/proxied/ece")

# -- the URL a session is given ------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://ece.example.com:12443", "https://ece.example.com:12443/api/v1/"),
        (" HTTPS://ECE.Example.COM/\n", "https://ece.example.com/api/v1/"),
        ("https://h/proxied/ece", "https://h/proxied/ece/"),
        ("https://h/a%2Fb/", "https://h/a%2Fb/"),
        ("https://h/X//", "https://h/X/"),
        ("https://[2001:db8::1]:12443", "https://[2001:db8::1]:12443/api/v1/"),
        ("https://bücher.example", "https://xn--bcher-kva.example/api/v1/"),
    ],
)
def test_the_api_root_is_api_v1_or_the_path_as_it_stands(url: str, root: str) -> None:
    """Without a path it is `/api/v1`; a path given is that of a reverse proxy."""
    assert str(Endpoint(url).root) == root
    assert Endpoint(URL(url.strip())).root == Endpoint(url).root


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("  ", "empty"),
        (URL(""), "empty"),
        ("ece.example.com:12443", "https://"),
        ("//ece.example.com", "https://"),
        ("wss://ece.example.com", "https://"),
        ("https:///api/v1", "host"),
        ("https://h:0", "host"),
        ("https://h:99999", "parsed"),
        ("https://a b", "parsed"),
        ("https://h\r\nX-Injected: 1", "parsed"),
        ("https://\ud800", "parsed"),
        ("https://user@h", "user info"),
        ("https://:password@h", "user info"),
        ("https://h?x=1", "query"),
        ("https://h/#part", "fragment"),
        (b"https://h", "bytes"),
        (None, "NoneType"),
    ],
    ids=ascii,
)
def test_a_url_that_cannot_work_is_refused_at_construction(url: str, problem: str) -> None:
    """A typing error is told where it was made, before anything is sent."""
    with pytest.raises(ConfigurationError, match=f"^the URL .*{problem}"):
        Endpoint(url)


@pytest.mark.parametrize("before_the_host", [f"admin:{PLANTED}@", f"admin:{PLANTED}#x@"])
def test_a_password_in_a_refused_url_is_in_no_message(before_the_host: str) -> None:
    """Where `#` or `/` stands in it, the parser takes the password for a port and quotes it."""
    url = f"https://{before_the_host}ece.example.com"
    for refused in (lambda: Endpoint(url), lambda: ECE.resolve(url + ":99999")):
        with pytest.raises(ConfigurationError) as caught:
            refused()
        assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_http_beyond_loopback_has_to_be_asked_for() -> None:
    """The password would cross the network in clear text."""
    for host in ("LOCALHOST:12400", "ece.localhost", "127.255.0.7", "[::1]:12400"):
        assert Endpoint(f"http://{host}").root.scheme == "http"
    for host in ("128.0.0.1", "127.0.0.1.example.com", "notlocalhost", "[::]"):
        assert Endpoint(f"http://{host}", allow_http=True).root.scheme == "http"
        with pytest.raises(
            ConfigurationError, match=r"^http to .* text; use https, or allow_http=True"
        ):
            Endpoint(f"http://{host}")


def test_elastic_clouds_own_hosts_are_known() -> None:
    """They have no `_login`: a password for them cannot work."""
    ours = ("API.Elastic-Cloud.com", "elastic-cloud.com")
    others = ("api.elastic-cloud.com.example.com", "notelastic-cloud.com")
    assert [Endpoint(f"https://{host}").hosted for host in (*ours, *others)] == [1, 1, 0, 0]


# -- paths ---------------------------------------------------------------------------------


class Route(str, enum.Enum):  # noqa: UP042 - a StrEnum is its value in `str()`, this one is not
    """A path as enumerations of an application have it."""

    DEPLOYMENTS = "/deployments"


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/deployments", "deployments"),
        ("deployments/", "deployments/"),
        ("", ""),
        ("/deployments/_search?q=a%2Bb+c&x=..", "deployments/_search?q=a%2Bb+c&x=.."),
        ("?show=all", "?show=all"),
        ("/x#part", "x#part"),
        ("/a//b", "a//b"),
        ("/X", "X"),
        ("/a/%2e%2e/b", "b"),
        ("/a/b/..", "a/"),
        # a colon in the first segment is no scheme
        ("http:x", "http:x"),
        # encoding is kept
        ("/a%2Fb%3Fc%23d%25", "a%2Fb%3Fc%23d%25"),
        ("/größe b", "gr%C3%B6%C3%9Fe%20b"),
        (URL("deployments?x=1"), "deployments?x=1"),
        (URL("/a%3Bb%2Fc?d=%41", encoded=True), "a%3Bb%2Fc?d=%41"),
        # a leading API root is not added twice
        ("/api/v1/deployments", "deployments"),
        ("api/v1/?x=1", "?x=1"),
        ("/api/v1/api/v1/x", "api/v1/x"),
        (URL("/api/v1/%41", encoded=True), "%41"),
        ("/api/v12/x", "api/v12/x"),
        ("/api/v1/https://evil.example", "https://evil.example"),
        # a text of another class is its value
        (Route.DEPLOYMENTS, "deployments"),
    ],
    ids=ascii,
)
def test_a_path_is_resolved_below_the_api_root(path: str | URL, below: str) -> None:
    """Joined as `./` and the path without its leading slashes; encoding is kept."""
    assert str(ECE.resolve(path)) == f"https://ece.example.com:12443/api/v1/{below}"


def test_a_leading_root_is_known_however_it_is_spelt() -> None:
    """Encoded or not, with its slash or not, it is the same root, and is not added twice."""
    assert str(ECE.resolve("/api/v1?x=1")) == "https://ece.example.com:12443/api/v1?x=1"
    for path in ("/gr%c3%b6%c3%9fe/x", "/größe/x"):
        assert str(Endpoint("https://h/größe").resolve(path)) == "https://h/gr%C3%B6%C3%9Fe/x"
    # Behind a reverse proxy the root is the path given, and nothing is known of `/api/v1`.
    assert str(PROXIED.resolve("/proxied/ece/x")) == "https://h/proxied/ece/x"
    assert str(PROXIED.resolve("/api/v1/x")) == "https://h/proxied/ece/api/v1/x"


def test_a_path_of_the_api_is_below_a_root_that_begins_like_it() -> None:
    """A gateway may have the API below ``/users``; what a caller writes may name the root."""
    users = Endpoint("https://h/users")
    assert str(users.below("users/auth/_login")) == "https://h/users/users/auth/_login"
    assert str(users.below(URL("/users/a%2Fb", encoded=True))) == "https://h/users/users/a%2Fb"
    assert str(users.resolve("/users/auth")) == "https://h/users/auth"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("..", "above the API root"),
        ("/a/../../x", "above the API root"),
        ("/api/v1/../x", "above the API root"),
        ("/.%2E/x", "above the API root"),
        ("/%2e%2e%2fx", "above the API root"),
        ("/..%5Cx", "above the API root"),
        ("/..\\x", "above the API root"),
        (URL("/..%2fx", encoded=True), "above the API root"),
        ("//evil.example/x", "names a host"),
        (URL("//evil.example/x"), "names a host"),
        ("/\t/evil.example/x", "control characters"),
        ("\n/evil.example/x", "control characters"),
        ("ht\rtps://evil.example/x", "control characters"),
        (URL.build(path="/\t/evil.example/x", encoded=True), "control characters"),
        # yarl drops it, and what is deleted then is the whole collection
        ("/deployments/\ud800", "half of a surrogate pair"),
        (URL.build(path="/deployments/\udfff", encoded=True), "half of a surrogate pair"),
        ("https://[::1/", "parsed"),
        ("https://h:99999/", "parsed"),
        (b"/x", "bytes"),
        (None, "NoneType"),
    ],
    ids=ascii,
)
def test_a_path_that_leads_elsewhere_is_refused(path: str | URL, problem: str) -> None:
    """However the dots are written, since a proxy or the server may decode them."""
    with pytest.raises(ConfigurationError, match=f"^(a|the) path .*{problem}"):
        ECE.resolve(path)


def test_a_joined_url_of_another_origin_is_refused_whatever_the_text_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last word is the URL's, not the text's: a parser may read what no check foresaw."""
    monkeypatch.setattr(Endpoint, "_joined", lambda *_, **__: URL("https://evil.example/api/v1/x"))
    with pytest.raises(ConfigurationError, match=r"^the path .* another host"):
        ECE.resolve("/x")


def test_an_absolute_url_stays_what_it_is() -> None:
    """Whether the token goes there is decided by its origin, not here."""
    for url in ("https://other.example/x?y=1", "WSS://ece.example.com:12443/x", "http://h/%2e%2e"):
        assert ECE.resolve(url) == ECE.resolve(URL(url)) == URL(url)
    assert str(ECE.resolve(URL("https://h/%41", encoded=True))) == "https://h/%41"


PIECES = st.sampled_from(
    ["..", ".", "/", "//", "\\", "%2e", "%2E", "%2f", "%2F", "%5c", "%", "%25", "%252e", "?", "#",
     ":", "@", ";", "&", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x7f", "\x85", "\u2028", "é",
     "\ud800", "evil.example", "api/v1", "api", "https:", "http://", "a", "[", "]"]
)  # fmt: skip  # pieces are read faster in rows
PATHS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20)


@given(path=PATHS, endpoint=st.sampled_from([ECE, PROXIED]), as_url=st.booleans())
@example(path="/\t/evil.example/x", endpoint=ECE, as_url=False)
@example(path="\t/evil.example/x", endpoint=ECE, as_url=False)
@example(path=" //evil.example", endpoint=ECE, as_url=False)
@example(path="\\\\evil.example", endpoint=ECE, as_url=True)
@example(path="a/%2e%2e/%2e%2e/x", endpoint=PROXIED, as_url=False)
@example(path="a%2F..%2F..%2Fx", endpoint=PROXIED, as_url=True)
@example(path="api/v1/../v1/../x", endpoint=ECE, as_url=False)
def test_any_relative_path_stays_below_the_root_and_on_the_origin(
    path: str, endpoint: Endpoint, *, as_url: bool
) -> None:
    """Whatever a caller was handed as a name, the token goes nowhere else."""
    try:
        given_path = URL.build(path=path, encoded=True) if as_url else path
    except ValueError:
        return
    try:
        resolved = endpoint.resolve(given_path)
    except ConfigurationError:
        return
    if re.match(r"[a-z][a-z0-9+.-]*://", str(given_path), re.IGNORECASE):
        assert resolved == URL(str(given_path), encoded=as_url)
        return
    assert endpoint.owns(resolved)
    root, parts = urlsplit(str(endpoint.root)), urlsplit(str(resolved))
    assert (parts.scheme, parts.netloc) == (root.scheme, root.netloc)
    # Also for a server that decodes before it resolves, and takes a backslash for a slash.
    read = posixpath.normpath(unquote(parts.path).replace("\\", "/"))
    assert f"{read}/".startswith(root.path)


@given(st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1))
def test_a_name_that_was_quoted_by_the_caller_arrives_as_one_segment(name: str) -> None:
    """What is encoded stays encoded: a slash in a name is no separator."""
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    segments = ECE.resolve(f"/things/{quoted}/keys").raw_path.split("/")
    assert [segments[3], unquote(segments[4]), *segments[5:]] == ["things", name, "keys"]


# -- origins -------------------------------------------------------------------------------


def test_the_spelling_of_a_host_is_no_other_origin() -> None:
    """And one in front of an `@` is no host."""
    assert Endpoint("https://[2001:db8::1]:12443").owns(URL("https://[2001:DB8::1]:12443/x"))
    assert Endpoint("https://bücher.example").owns(URL("wss://xn--bcher-kva.example:443/x"))
    # The host of an encoded URL is left by yarl as it was written.
    assert Endpoint("https://ece.example.com").owns(URL("https://ECE.example.com/x", encoded=True))
    for url in ("https://h@evil.example/", "//h/x", "/x", ""):
        assert not Endpoint("https://h").owns(URL(url))


PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@given(
    scheme=st.sampled_from(["http", "https", "ws", "wss", "HTTPS", "ftp"]),
    host=st.sampled_from(["h", "H", "h.example", "example", "[::1]", "127.0.0.1", "xn--h"]),
    port=st.sampled_from(["", ":80", ":443", ":8443"]),
    secure=st.booleans(),
    own_port=st.sampled_from(["", ":80", ":443", ":8443"]),
)
def test_owning_agrees_with_the_definition(
    scheme: str, host: str, port: str, own_port: str, *, secure: bool
) -> None:
    """Scheme with ws as http and wss as https, lower-case host, effective port; nothing else."""
    own = f"http{'s' if secure else ''}://h{own_port}"
    there = urlsplit(f"{scheme}://{host}{port}/x")
    same = (
        there.scheme in (("https", "wss") if secure else ("http", "ws"))
        and there.hostname == "h"
        and (there.port or PORTS[there.scheme])
        == (urlsplit(own).port or PORTS[urlsplit(own).scheme])
    )
    assert Endpoint(own, allow_http=True).owns(URL(there.geturl())) is same


# -- proxies, and URLs in messages ---------------------------------------------------------


def test_a_proxy_is_an_absolute_url() -> None:
    """With its own user info where it needs that; else it would fail at every request."""
    assert proxy_url(None) is None
    for proxy in ("http://proxy:3128", "https://u:p@[::1]:1", " http://proxy "):
        assert proxy_url(proxy) == proxy_url(URL(proxy.strip())) == URL(proxy.strip())
    for odd in ("", "proxy:3128", "//proxy:3128", "http://p:port", 3128):
        with pytest.raises(ConfigurationError, match=r"^the (proxy|URL) must be a"):
            proxy_url(odd)


def test_a_url_for_a_message_has_no_user_info_query_or_fragment() -> None:
    """A signed query or a password in it would end up in a log."""
    url = URL(f"https://u:{PLANTED}@h:8443/a%2Fb?token={PLANTED}#{PLANTED}")
    assert without_secrets(url) == "https://h:8443/a%2Fb"
