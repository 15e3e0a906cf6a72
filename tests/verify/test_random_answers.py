"""The parsers make of any answer a value or a typed error, fit to be shown.

`make fuzz` checks a million answers.
"""

from __future__ import annotations

import math
import pickle
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NoReturn

import aiohttp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from aiocloudauth._http.responses import answer_error, public_headers
from aiocloudauth._wire.failure import (
    error_class,
    failure_of,
    header_codes,
    redacted,
    refusal_of,
)
from aiocloudauth._wire.schema import (
    AuthenticationInfo,
    EmptyResponse,
    TokenResponse,
    decode,
    http_date,
    jwt_expiry,
    parse,
    retry_after,
)
from aiocloudauth.errors import ApiError, GatewayError, InvalidResponseError, UnauthorizedError
from aiocloudauth.token import MAX_TOKEN, Secret
from tests.verify.random_answers import SECRETS, Answer, answers, mutations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


_HELD: Final = tuple(Secret(secret) for secret in SECRETS)
_TRACE: Final = re.compile("Pl4nted|UGw0bnRlZA")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-*]*")
_URL: Final = URL("https://ece.example.com:12443/api/v1/users/auth/_login?secret=x#y")
_REQUEST: Final = aiohttp.RequestInfo(_URL, "POST", CIMultiDictProxy(CIMultiDict()), _URL)


def _fail(what: str) -> NoReturn:
    raise AssertionError(what)


def _is_instant(value: datetime | None) -> bool:
    return value is None or value.utcoffset() == timedelta(0)


def check_values(answer: Answer) -> None:
    """Parse a body as each kind of answer."""
    try:
        document = decode(answer.body)
    except InvalidResponseError as error:
        _check_problems(error, [])
        return
    for kind in (TokenResponse, AuthenticationInfo, EmptyResponse):
        try:
            value = parse(document, kind)
        except InvalidResponseError as error:
            _check_problems(error, _texts_of(document))
            continue
        if isinstance(value, TokenResponse):
            plain = value.token.reveal()
            if len(plain) > MAX_TOKEN or _VISIBLE.fullmatch(plain) is None:
                _fail("a token that cannot stand in a header")
            if not _is_instant(value.session_expiration_time):
                _fail("an expiry that is not in UTC")
        if isinstance(value, AuthenticationInfo) and not _is_instant(value.expires_at):
            _fail("an expiry that is not in UTC")
    for text in _texts_of(document):
        if not _is_instant(jwt_expiry(Secret(text))):
            _fail("a JWT's expiry that is not in UTC")


def _texts_of(document: object) -> list[str]:
    found, rest = [], [document]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return found


def _check_problems(error: InvalidResponseError, texts: Iterable[str]) -> None:
    said = f"{error} {' '.join(error.problems)}"
    if not error.problems or not said.isprintable() or len(said) > 2_000:
        _fail("a problem that cannot be shown")
    if _TRACE.search(said) or any(len(text) > 8 and text in said for text in texts):
        _fail("a problem that quotes the answer")
    if error.__cause__ is not None or error.__context__ is not None:
        _fail("an error that keeps another, which may keep the answer")


def check_headers(answer: Answer) -> None:
    """Read the header fields that are looked at."""
    headers = answer.headers
    if not _is_instant(http_date(headers.get("Date"))):
        _fail("a date that is not in UTC")
    wait = retry_after(headers)
    if wait is not None and not (0.0 <= wait < 1e12 and math.isfinite(wait)):
        _fail("a Retry-After that is no time")
    if len(header_codes(headers)) > 50:
        _fail("codes without end")
    shown = public_headers(headers, _HELD)
    if any(secret in value for secret in SECRETS for value in shown.values()):
        _fail("a header that quotes a secret")
    if {name.lower() for name in shown} & {"set-cookie", "location", "authorization", "link"}:
        _fail("a header that is private")


def check_error(answer: Answer) -> None:
    """Make the typed error of an answer."""
    failure = failure_of(answer.status, answer.headers, answer.body)
    chosen = error_class(failure)
    if not issubclass(chosen, ApiError):
        _fail("no class of error")
    if error_class(redacted(failure, ())) is not chosen:
        _fail("a class that hangs on what is shown")
    answered = aiohttp.ClientResponseError(
        _REQUEST, (), status=answer.status, headers=answer.headers
    )
    # Of the three kinds of call one is enough for each answer: the body's length chooses.
    call = len(answer.body) % 3
    error = answer_error(
        answered, answer.body, secrets=_HELD, authentication=call > 0, token_sent=call > 1
    )
    _check_shown(error)
    agree = header_codes(answer.headers) in {(), failure.codes}
    refused = agree and refusal_of(answer.status, answer.headers, answer.body) is not None
    if call > 1 and refused and not isinstance(error, UnauthorizedError | GatewayError):
        _fail("a refused token that is called something else")


def _check_shown(error: ApiError) -> None:
    said = str(error)
    if not said.isprintable() or len(said) > 200_000:
        _fail("a message that cannot be shown")
    said.encode()
    parts = [*error.codes, error.url, *(part for e in error.errors for part in (e.code, e.message))]
    parts += [name for e in error.errors for name in e.fields]
    if any(not part.isprintable() for part in parts):
        _fail("a part that cannot be shown")
    if any(_CODE.fullmatch(code) is None for code in error.codes):
        _fail("a code that is none")
    shown = f"{said} {error!r} {vars(error)!r}"
    if any(secret in shown for secret in SECRETS) or "secret=" in shown:
        _fail("a secret in an error")
    copied = pickle.loads(pickle.dumps(error))
    if (type(copied), str(copied)) != (type(error), said) or vars(copied) != vars(error):
        _fail("a pickle that is another error")


#: Answers made of each that Hypothesis draws.
MUTATIONS: Final = 99


@settings(suppress_health_check=list(HealthCheck))
@given(answers(), st.integers(0, 2**32))
def test_any_answer_is_a_value_or_a_typed_error_fit_to_be_shown(
    answer: Answer, mutation: int
) -> None:
    """Such as the API gives, and each a hundred times as hostile hands would leave it."""
    for candidate in (answer, *mutations(answer, mutation, MUTATIONS)):
        check_values(candidate)
        check_headers(candidate)
        check_error(candidate)
