"""The API root: which URLs are taken, what is below it, what shares its origin."""

from __future__ import annotations

import posixpath
import re
import traceback
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from aiocloudauth._wire.endpoint import Endpoint, proxy_url, without_secrets
from aiocloudauth.errors import ConfigurationError

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

PLANTED = "pl4nted-secret"

# -- the URL a session is given ------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://ece.example.com:12443", "https://ece.example.com:12443/api/v1/"),
        ("https://ece.example.com:12443/", "https://ece.example.com:12443/api/v1/"),
        ("https://ece.example.com", "https://ece.example.com/api/v1/"),
        ("HTTPS://ECE.Example.COM", "https://ece.example.com/api/v1/"),
        ("  https://ece.example.com\n", "https://ece.example.com/api/v1/"),
        ("https://h/proxied/ece", "https://h/proxied/ece/"),
        ("https://h/proxied/ece/", "https://h/proxied/ece/"),
        ("https://h/api/v1", "https://h/api/v1/"),
        ("https://h/api/v2", "https://h/api/v2/"),
        ("https://h/a%2Fb", "https://h/a%2Fb/"),
        ("https://[2001:db8::1]:12443", "https://[2001:db8::1]:12443/api/v1/"),
        ("https://bücher.example", "https://xn--bcher-kva.example/api/v1/"),
        ("http://localhost:12400", "http://localhost:12400/api/v1/"),
    ],
)
def test_the_api_root_is_api_v1_or_the_path_as_it_stands(url: str, root: str) -> None:
    """Without a path it is `/api/v1`; a path given is that of a reverse proxy."""
    assert str(Endpoint(url).root) == root
    assert Endpoint(URL(url.strip())).root == Endpoint(url).root


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (URL(""), "empty"),
        ("ece.example.com", "https://"),
        ("ece.example.com:12443", "https://"),
        ("/api/v1", "https://"),
        ("//ece.example.com", "https://"),
        ("ftp://ece.example.com", "https://"),
        ("wss://ece.example.com", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "host"),
        ("https:///api/v1", "host"),
        ("https:ece.example.com", "host"),
        ("https://:12443", "parsed"),
        ("https://h:0", "host"),
        ("https://h:99999", "parsed"),
        ("https://h:port", "parsed"),
        ("https://[::1", "parsed"),
        ("https://a b", "parsed"),
        ("https://ho\nst", "parsed"),
        ("https://h\x00x", "parsed"),
        ("https://h\r\nX-Injected: 1", "parsed"),
        ("https://\ud800", "parsed"),
        ("https://user@h", "user info"),
        ("https://user:password@h", "user info"),
        ("https://:password@h", "user info"),
        ("https://h?x=1", "query"),
        ("https://h/#part", "fragment"),
    ],
)
def test_a_url_that_cannot_work_is_refused_at_construction(url: str, problem: str) -> None:
    """A typing error is told where it was made, before anything is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        Endpoint(url)


@pytest.mark.parametrize("url", [None, 1, b"https://h", ["https://h"]])
def test_a_url_is_a_str_or_a_yarl_url(url: object) -> None:
    """Anything else is named by its type."""
    with pytest.raises(ConfigurationError, match=type(url).__name__):
        Endpoint(url)  # type: ignore[arg-type]  # that it is refused is the claim


@pytest.mark.parametrize(
    "url",
    [
        f"https://admin:{PLANTED}@ece.example.com",
        f"https://admin:{PLANTED}/x@ece.example.com",
        f"https://admin:{PLANTED}#x@ece.example.com",
        f"https://admin:{PLANTED}?x@ece.example.com",
        f"https://admin:12{PLANTED}@[::1",
        f"http://{PLANTED}@localhost.example",
    ],
)
def test_a_password_in_a_refused_url_is_in_no_message_and_no_traceback(url: str) -> None:
    """Where `/` or `#` stands in it, the parser takes the password for a port and quotes it."""
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(url)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


LOOPBACK = [
    "http://localhost",
    "http://LOCALHOST:12400",
    "http://ece.localhost",
    "http://127.0.0.1:12400",
    "http://127.255.0.7",
    "http://[::1]:12400",
]
ELSEWHERE = [
    "http://ece.example.com:12400",
    "http://10.0.0.1",
    "http://0.0.0.0",
    "http://128.0.0.1",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://notlocalhost",
    "http://[2001:db8::1]",
    "http://[::]",
]


@pytest.mark.parametrize("url", LOOPBACK)
def test_http_is_allowed_on_loopback(url: str) -> None:
    """Nothing leaves the machine."""
    assert Endpoint(url).root.scheme == "http"


@pytest.mark.parametrize("url", ELSEWHERE)
def test_http_elsewhere_is_refused_unless_asked_for(url: str) -> None:
    """The password would cross the network in clear text."""
    with pytest.raises(ConfigurationError, match="allow_http"):
        Endpoint(url)
    assert Endpoint(url, allow_http=True).root.scheme == "http"


@pytest.mark.parametrize(
    ("url", "hosted"),
    [
        ("https://api.elastic-cloud.com", True),
        ("https://API.Elastic-Cloud.com", True),
        ("https://elastic-cloud.com", True),
        ("https://api.elastic-cloud.com.example.com", False),
        ("https://notelastic-cloud.com", False),
        ("https://ece.example.com", False),
    ],
)
def test_elastic_clouds_own_hosts_are_known(url: str, *, hosted: bool) -> None:
    """They have no `_login`: a password for them cannot work."""
    assert Endpoint(url).hosted is hosted


# -- paths ---------------------------------------------------------------------------------

ECE = Endpoint("https://ece.example.com:12443")
PROXIED = Endpoint("https://h/proxied/ece")


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/deployments", "deployments"),
        ("deployments", "deployments"),
        ("deployments/", "deployments/"),
        ("", ""),
        ("/", ""),
        (".", ""),
        ("/deployments/_search?q=a%2Bb+c&x=..", "deployments/_search?q=a%2Bb+c&x=.."),
        ("?show=all", "?show=all"),
        ("/x#part", "x#part"),
        ("/a//b", "a//b"),
        ("/a/./b", "a/b"),
        ("/a/../b", "b"),
        ("/a/b/..", "a/"),
        ("/a/%2e%2e/b", "b"),
        # a colon in the first segment is no scheme
        ("user:1/keys", "user:1/keys"),
        ("http:x", "http:x"),
        ("mailto:x@y", "mailto:x@y"),
        # encoding is kept
        ("/a%2Fb", "a%2Fb"),
        ("/a%20b", "a%20b"),
        ("/a%25b", "a%25b"),
        ("/a%3Fb%23c", "a%3Fb%23c"),
        ("/a b", "a%20b"),
        ("/größe", "gr%C3%B6%C3%9Fe"),
        # a leading API root is not added twice
        ("/api/v1/deployments", "deployments"),
        ("api/v1/deployments", "deployments"),
        ("/api/v1/", ""),
        ("/api/v1/?x=1", "?x=1"),
        ("/api/v1/../v1/x", "x"),
        ("/api/v1/api/v1/x", "api/v1/x"),
        ("/api/v12/x", "api/v12/x"),
        ("/api/v1x", "api/v1x"),
        ("/api/v1//evil.example", "/evil.example"),
        ("/api/v1/https://evil.example", "https://evil.example"),
        (URL("/deployments"), "deployments"),
        (URL("deployments?x=1"), "deployments?x=1"),
        (URL("/a%3Bb%2Fc?d=%41", encoded=True), "a%3Bb%2Fc?d=%41"),
    ],
)
def test_a_path_is_resolved_below_the_api_root(path: str | URL, below: str) -> None:
    """Joined as `./` and the path without its leading slashes; encoding is kept."""
    assert str(ECE.resolve(path)) == f"https://ece.example.com:12443/api/v1/{below}"


@pytest.mark.parametrize("path", ["/api/v1", "api/v1", "/api/v1?x=1", "/api/v1#part"])
def test_the_root_itself_may_be_named_without_its_slash(path: str) -> None:
    """It is neither added twice nor taken for something above the root."""
    assert str(ECE.resolve(path)) == f"https://ece.example.com:12443/{path.lstrip('/')}"


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("/größe", "/größe/x", "/gr%C3%B6%C3%9Fe/x"),
        ("/größe", "/gr%C3%B6%C3%9Fe/x", "/gr%C3%B6%C3%9Fe/x"),
        ("/größe", "/gr%c3%b6%c3%9fe/x", "/gr%C3%B6%C3%9Fe/x"),
        ("/a%2Fb", "/a%2fb/x", "/a%2Fb/x"),
        ("/a%20b", "/a%20b/x", "/a%20b/x"),
        ("/a%20b", "/a b/x", "/a%20b/x"),
    ],
)
def test_a_leading_root_is_known_however_it_is_spelt(root: str, path: str, expected: str) -> None:
    """Encoded or not, it is the same root, and is not added twice."""
    assert str(Endpoint(f"https://h{root}").resolve(path)) == f"https://h{expected}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/deployments", "https://h/proxied/ece/deployments"),
        ("/proxied/ece/deployments", "https://h/proxied/ece/deployments"),
        ("/api/v1/deployments", "https://h/proxied/ece/api/v1/deployments"),
    ],
)
def test_a_path_given_with_the_url_is_the_root_that_counts(path: str, expected: str) -> None:
    """Behind a reverse proxy the root is that path, and nothing is known of `/api/v1`."""
    assert str(PROXIED.resolve(path)) == expected


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../",
        "../x",
        "/../x",
        "/a/../../x",
        "/api/v1/../x",
        "/api/v1/../../etc",
        "/%2e%2e/x",
        "/.%2E/x",
        "/%2e%2e%2fx",
        "/..%2Fx",
        "/..%5Cx",
        "/..\\x",
        "..?x=1",
        URL("../x"),
        URL("/%2e%2e/x", encoded=True),
        URL("/..%2fx", encoded=True),
    ],
)
def test_a_path_that_climbs_above_the_root_is_refused(path: str | URL) -> None:
    """However the dots are written: a proxy or the server may decode them."""
    with pytest.raises(ConfigurationError, match="above the API root"):
        ECE.resolve(path)


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "///evil.example/x", "//", URL("//evil.example/x")]
)
def test_a_path_that_names_a_host_is_refused(path: str | URL) -> None:
    """`//host` is a reference to another host that looks like a path."""
    with pytest.raises(ConfigurationError, match="names a host"):
        ECE.resolve(path)


@pytest.mark.parametrize("path", [None, 1, b"/x", ["x"]])
def test_a_path_is_a_str_or_a_yarl_url(path: object) -> None:
    """Anything else is named by its type."""
    with pytest.raises(ConfigurationError, match=type(path).__name__):
        ECE.resolve(path)  # type: ignore[arg-type]  # that it is refused is the claim


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/x?y=1",
        "http://ece.example.com/x",
        "https://ece.example.com:12443/elsewhere",
        "WSS://ece.example.com:12443/x",
    ],
)
def test_an_absolute_url_stays_what_it_is(url: str) -> None:
    """Whether the token goes there is decided by its origin, not here."""
    assert ECE.resolve(url) == ECE.resolve(URL(url)) == URL(url)


def test_an_encoded_absolute_url_keeps_its_encoding() -> None:
    """A pre-signed URL is not re-quoted."""
    assert str(ECE.resolve(URL("https://other.example/%41", encoded=True))).endswith("/%41")


@pytest.mark.parametrize("path", [f"https://u:{PLANTED}/x@h", "https://h:99999/", "https://[::1/"])
def test_an_absolute_url_that_cannot_be_parsed_is_a_clear_error(path: str) -> None:
    """It is typed, and quotes nothing of the URL."""
    with pytest.raises(ConfigurationError, match="parsed") as caught:
        ECE.resolve(path)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


PIECES = st.sampled_from(
    ["..", ".", "/", "//", "\\", "%2e", "%2E", "%2f", "%2F", "%5c", "%", "%25", "%252e", "?", "#",
     ":", "@", ";", "&", " ", "\t", "\n", "\r", "\x00", "é", "\ud800", "evil.example", "api/v1",
     "api", "https:", "http://", "a", "[", "]"]
)  # fmt: skip  # pieces are read faster in rows
PATHS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20)


@UNHURRIED
@given(path=PATHS, endpoint=st.sampled_from([ECE, PROXIED]))
@example(path=" //evil.example", endpoint=ECE)
@example(path="\thttps://evil.example", endpoint=ECE)
@example(path="\\\\evil.example", endpoint=ECE)
@example(path="a/%2e%2e/%2e%2e/x", endpoint=PROXIED)
@example(path="a%2F..%2F..%2Fx", endpoint=PROXIED)
@example(path="api/v1", endpoint=ECE)
@example(path="api/v1/..", endpoint=ECE)
@example(path="api/v1/../v1/../x", endpoint=ECE)
@example(path="proxied/ece/../../x", endpoint=PROXIED)
def test_any_relative_path_stays_below_the_root_and_on_the_origin(
    path: str, endpoint: Endpoint
) -> None:
    """Whatever a caller was handed as a name, the token goes nowhere else."""
    try:
        resolved = str(endpoint.resolve(path))
    except ConfigurationError:
        return
    if re.match(r"[a-z][a-z0-9+.-]*://", path, re.IGNORECASE):
        assert resolved == str(URL(path))
        return
    root, parts = urlsplit(str(endpoint.root)), urlsplit(resolved)
    assert (parts.scheme, parts.netloc) == (root.scheme, root.netloc)
    assert f"{parts.path}/".startswith(root.path)
    # Also for a server that decodes before it resolves, and takes a backslash for a slash.
    read = posixpath.normpath(unquote(parts.path).replace("\\", "/"))
    assert f"{read}/".startswith(root.path)
    assert endpoint.owns(URL(resolved))


@UNHURRIED
@given(path=st.text(st.characters(codec="utf-8", exclude_characters="?#"), min_size=1))
def test_a_name_that_was_quoted_by_the_caller_arrives_as_one_segment(path: str) -> None:
    """What is encoded stays encoded: a slash in a name is no separator."""
    quoted = "".join(f"%{byte:02X}" for byte in path.encode())
    if path in {".", ".."} or ".." in re.split(r"[/\\]", path):
        return  # refused, or resolved
    resolved = ECE.resolve(f"/things/{quoted}/keys")
    assert resolved.raw_path.split("/")[3] == "things"
    assert unquote(resolved.raw_path.split("/")[4]) == path
    assert resolved.raw_path.endswith("/keys")


# -- origins -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "url", "owned"),
    [
        ("https://h", "https://h/x", True),
        ("https://h", "https://h:443/x", True),
        ("https://h:443", "https://h/x", True),
        ("https://h", "wss://h/ws", True),
        ("https://h", "wss://h:443/ws", True),
        ("https://h", "HTTPS://H/x", True),
        ("https://h", "https://h", True),
        ("https://h/proxied", "https://h/elsewhere", True),
        ("http://localhost", "http://localhost:80/x", True),
        ("http://localhost:80", "ws://localhost/x", True),
        ("http://localhost:8080", "ws://localhost:8080/x", True),
        ("https://[2001:db8::1]:12443", "https://[2001:DB8::1]:12443/x", True),
        ("https://[::1]", "https://[::1]:443/x", True),
        ("https://bücher.example", "https://xn--bcher-kva.example/x", True),
        ("https://h", "http://h/x", False),
        ("https://h", "http://h:443/x", False),
        ("https://h", "ws://h/x", False),
        ("https://h", "ws://h:443/x", False),
        ("http://localhost", "https://localhost/x", False),
        ("http://localhost", "https://localhost:80/x", False),
        ("http://localhost", "wss://localhost:80/x", False),
        ("https://h", "https://h:444/x", False),
        ("https://h", "https://h.example/x", False),
        ("https://h.example", "https://h/x", False),
        ("https://h", "https://evil.example/h", False),
        ("https://h", "https://h@evil.example/", False),
        ("https://h", "ftp://h:443/x", False),
        ("https://[2001:db8::1]", "https://[2001:db8::2]/x", False),
        ("https://127.0.0.1", "https://localhost/x", False),
        ("https://h", "/x", False),
        ("https://h", "//h/x", False),
        ("https://h", "", False),
    ],
)
def test_an_origin_is_scheme_host_and_effective_port(base: str, url: str, *, owned: bool) -> None:
    """LESSONS: "token follows a redirect to another host": it goes only to its own origin."""
    assert Endpoint(base).owns(URL(url)) is owned


def test_an_encoded_url_with_capitals_has_the_same_origin() -> None:
    """The host of an encoded URL is left by yarl as it was written."""
    assert Endpoint("https://ece.example.com").owns(URL("https://ECE.example.com/x", encoded=True))
    assert not Endpoint("https://h").owns(URL("https://X.example/", encoded=True))


PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@UNHURRIED
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


# -- proxies -------------------------------------------------------------------------------


@pytest.mark.parametrize("proxy", ["http://proxy:3128", "https://u:p@[::1]:1", " http://proxy "])
def test_a_proxy_is_an_absolute_url(proxy: str) -> None:
    """With user info where it needs that: it is the proxy's own."""
    assert proxy_url(proxy) == proxy_url(URL(proxy.strip())) == URL(proxy.strip())
    assert proxy_url(None) is None


@pytest.mark.parametrize(
    "proxy", ["", "proxy", "proxy:3128", "//proxy:3128", "http://", "http://p:port", "http://a b"]
)
def test_what_is_no_absolute_url_is_no_proxy(proxy: str) -> None:
    """It would otherwise fail at every request, and print itself."""
    with pytest.raises(ConfigurationError, match="proxy"):
        proxy_url(proxy)


@pytest.mark.parametrize("proxy", [3128, b"http://proxy", ("proxy", 3128)])
def test_a_proxy_is_a_str_or_a_yarl_url(proxy: object) -> None:
    """Anything else is named by its type."""
    with pytest.raises(ConfigurationError, match=type(proxy).__name__):
        proxy_url(proxy)


# -- for messages --------------------------------------------------------------------------


def test_a_url_for_a_message_has_no_user_info_query_or_fragment() -> None:
    """A signed query or a password in it would end up in a log."""
    url = URL(f"https://u:{PLANTED}@h:8443/a%2Fb?token={PLANTED}#{PLANTED}")
    assert without_secrets(url) == "https://h:8443/a%2Fb"
