"""Answers to parse: such as the API gives, and what hostile hands make of them."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Final

from attrs import frozen
from hypothesis import strategies as st
from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What an answer may quote of what it was sent.
SECRETS: Final = ('Pl4nted/p"ss\\wörd', "Pl4nted.t0ken", "UGw0bnRlZA==")

_NAMES: Final = [
    *("token", "session_expiration_time", "expires_at", "errors", "code", "message", "fields"),
    *("ok", "refresh_token_url", "exp", "", "TOKEN", "__class__", "\u0130"),
]
_CODES: Final = [
    *("root.unauthorized", "root.unauthenticated", "root.unauthorized.rbac", "a.b_conflict"),
    *("authc.no_authentication_cluster", "authc.authentication_cluster_error", "x.no_user_id"),
    *("deployments.metadata_internal_error", "user.version_conflict", "x_already_exists_y", "."),
]
_LISTS: Final = [", ".join(_CODES), "root.unauthorized,, " * 99]
_TIMES: Final = [
    *("2030-01-01T00:00:00Z", "2030-01-01t00:00:00.123456789z", "9999-12-31T23:59:59.999999+00:00"),
    *(
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2030-01-01T00:00:00",
        "2030-W01-1",
    ),
    *("20300101T000000Z", "2030-01-01T24:00:00Z", "2030-02-30T00:00:00Z", "-1", "\u0661"),
    *("2030-01-01T00:00:00+23:59:59.999999", "2030-01-01T00:00:60Z", "Z", "1-1-1T0:0:0+99"),
]
_DATES: Final = [
    *("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"),
    *("06 Nov 1994 08:49:37 -0000", "Thu, 1 Jan 1970 00:00:00 +99999999999", "1", "-1", "1e9"),
    *("Mon, 01 Jan 0001 00:00:00 +9999", "Fri, 31 Dec 9999 23:59:59 -1200", "\u0662"),
    *("Mon, 99 Foo 99999 99:99:99 +9999", "9" * 11, "9" * 10),
    "Thu, 1 Jan 1970 00:00:00 +" + "9" * 30,
    *("a, b c d e:f:g h", ",", "Jan", "1 Jan 2000", "1 1 1 1:1 1", "Mon, 1 Jan 2000 1:1:1 \udcff"),
]

_texts = st.one_of(
    st.sampled_from([*_CODES, *_TIMES, *SECRETS, *_DATES]),
    st.text(st.characters(codec=None, exclude_categories=[]), max_size=12),
    st.sampled_from(["a" * 70_000, "\u202e\u0000\u001b[31m\r\n", "\ud800", "x" * 998 + SECRETS[0]]),
    st.builds(
        lambda claims: f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.s",
        st.one_of(
            st.binary(max_size=12),
            st.builds(
                lambda exp: json.dumps({"exp": exp}).encode(),
                st.one_of(st.integers(), st.floats(), st.none(), st.sampled_from([1e308, 10**400])),
            ),
        ),
    ),
)
_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from([10**400, -(2**63)]),
        _texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5)
    ),
    max_leaves=8,
)
_entries = st.one_of(
    st.fixed_dictionaries(
        {"code": st.one_of(st.sampled_from(_CODES), _values)},
        optional={"message": _values, "fields": st.one_of(st.lists(_texts, max_size=3), _values)},
    ),
    _values,
)
_tokens = st.fixed_dictionaries(
    {"token": st.one_of(_texts, _values)},
    optional={"session_expiration_time": st.one_of(st.sampled_from(_TIMES), _values)},
)
_failures = st.fixed_dictionaries(
    {"errors": st.one_of(st.lists(_entries, max_size=60), _values)},
    optional={"message": _values, "ok": st.booleans()},
)
_documents = st.one_of(
    _tokens,
    _failures,
    st.fixed_dictionaries({"expires_at": st.one_of(st.sampled_from(_TIMES), _values)}),
    st.dictionaries(st.sampled_from(_NAMES), _values, max_size=6),
    _values,
)
#: As aiohttp hands them on: bytes that are not UTF-8 are lone surrogates.
_header_texts = st.one_of(
    st.sampled_from([*_DATES, *_CODES, *SECRETS, *_LISTS]),
    st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
_header_names = st.sampled_from(
    [
        *("Date", "Retry-After", "x-cloud-error-codes", "Content-Type", "X-Echo", "Set-Cookie"),
        *("Location", "WWW-Authenticate", "Authorization", "DATE", "retry-after", "Link", "Age"),
    ]
)


@frozen
class Answer:
    """A status, header fields and a body."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


def answers() -> st.SearchStrategy[Answer]:
    """Return a strategy of answers, of which most have the API's shape."""
    return st.builds(
        Answer,
        st.one_of(
            st.sampled_from([200, 400, 401, 403, 404, 409, 412, 417, 429, 449, 500, 501, 502, 503]),
            st.integers(0, 999),
        ),
        st.lists(st.tuples(_header_names, _header_texts), max_size=5).map(CIMultiDict),
        st.one_of(_documents.map(_encoded), st.binary(max_size=60)),
    )


def _encoded(document: object) -> bytes:
    # Half a surrogate is written as an escape, as JSON has to.
    return json.dumps(document).encode()


#: What is written into the middle of a body.
_PIECES: Final = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"NaN", b"-Infinity"),
    *(b"1e999", b"9" * 5_000, b"\\ud800", b"\\u0000", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"[" * 3_000, b'{"a":' * 3_000, b'"errors":', b'"token":"', b"\\u202e", b" ", b"\r\n"),
    *(b'{"code":"a.b"},', b'"code":"root.unauthorized"', SECRETS[1].encode(), b"e1.e30.s"),
)


def mutations(answer: Answer, seed: int, count: int) -> Iterator[Answer]:
    """Make answers of one: cut, doubled, with bytes changed, and with pieces put in."""
    draw = random.Random(seed)
    for _ in range(count):
        body = bytearray(answer.body)
        for _ in range(draw.randint(1, 3)):
            _mutate(body, draw)
        status, headers = answer.status, answer.headers
        if draw.random() < 0.2:
            status = draw.choice((200, 401, 449, 501, 502, 503, draw.randrange(1_000)))
        if draw.random() < 0.2:
            headers = headers.copy()
            name = draw.choice(("Date", "Retry-After", "x-cloud-error-codes", "X-Echo"))
            value = draw.choice((*_DATES, *_CODES, *SECRETS, *_LISTS))
            cut = draw.randrange(len(value) + 1)
            headers[name] = value[:cut] + draw.choice(("", "\udc80", " ", ",", "0")) + value[cut:]
        yield Answer(status, headers, bytes(body))


def _mutate(body: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(body) + 1)
    end = min(len(body), at + draw.randint(1, 16))
    match draw.randrange(6):
        case 0:
            del body[at:]
        case 1:
            del body[at:end]
        case 2:
            body[at:at] = body[at:end]
        case 3 if at < len(body):
            body[at] ^= 1 << draw.randrange(8)
        case 4 if at < len(body):
            body[at] = draw.randrange(256)
        case _:
            body[at:at] = draw.choice(_PIECES)
