"""The secret that does not show itself, and the snapshot of a token."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.token import MAX_TOKEN, Secret, SessionToken, spellings, token_problem

if TYPE_CHECKING:
    from collections.abc import Callable

PLANTED = "pl4nted-token"
EXPIRY = datetime(2030, 1, 1, tzinfo=UTC)


def snapshot(generation: int = 1) -> SessionToken:
    """Make a token that holds the planted secret."""
    return SessionToken(Secret(PLANTED), EXPIRY, generation)


HOLDERS = pytest.mark.parametrize(
    "holder", [Secret(PLANTED), snapshot()], ids=["Secret", "SessionToken"]
)


@HOLDERS
@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        format,
        pprint.pformat,
        lambda value: f"{value!r:>40} {[value]} { ({'key': value}) }",
        lambda value: "%s %r" % (value, value),  # noqa: UP031 - this way of formatting is asked too
    ],
    ids=["repr", "str", "format", "pformat", "f-string", "percent"],
)
def test_no_way_of_formatting_shows_the_secret(
    shown: Callable[[object], str], holder: object
) -> None:
    """A log line may format whatever it likes, in the width that it likes."""
    assert PLANTED not in shown(holder)
    assert f"{Secret(PLANTED):>16}|" == "   Secret('***')|"


@HOLDERS
def test_a_secret_leaves_the_process_by_no_pickle_and_no_attribute(holder: object) -> None:
    """A cache, a process pool, a debugger gets an error instead, which does not name it."""
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        with pytest.raises(TypeError, match="cannot be pickled") as caught:
            pickle.dumps(holder, protocol)
        assert PLANTED not in str(caught.value)
    with pytest.raises(TypeError):
        vars(holder)
    with pytest.raises(TypeError):
        json.dumps(holder)
    # Within the process, configuration that holds credentials may be copied.
    assert copy.copy(holder) == copy.deepcopy(holder) == holder


@given(st.text(), st.text())
@example("\ud800", "\ud801")
def test_secrets_are_equal_as_their_strings_are(one: str, other: str) -> None:
    """Any text can be held, revealed and compared, lone surrogates and all."""
    assert Secret(one).reveal() == one
    assert (Secret(one) == Secret(other)) is (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one  # never true by mistake


@pytest.mark.parametrize("value", [None, 1, b"bytes"])
def test_a_secret_is_text(value: object) -> None:
    """Bytes or a number here would be a silent `b'…'` or `1` in a header later."""
    with pytest.raises(ConfigurationError, match=type(value).__name__) as caught:
        Secret(value)  # type: ignore[arg-type]  # that it is refused is the claim
    assert "bytes'" not in str(caught.value)


def test_a_snapshot_is_a_frozen_value_of_one_answer_with_its_header() -> None:
    """Whoever holds one keeps what it read, whatever is renewed meanwhile."""
    token = snapshot(7)
    assert (token.session_expiration_time, token.generation) == (EXPIRY, 7)
    assert (token.scheme, token.authorization.reveal()) == ("Bearer", f"Bearer {PLANTED}")
    assert "2030" in repr(token)
    assert "generation=7" in repr(token)
    assert snapshot(1) == snapshot(1) != snapshot(2)
    assert hash(snapshot(1)) == hash(snapshot(1))
    for field in attrs.fields(SessionToken):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(token, field.name, None)
    key = SessionToken(Secret(PLANTED), None, 1, scheme="ApiKey")
    assert key.authorization.reveal() == f"ApiKey {PLANTED}"


@given(st.text(max_size=50))
@example("a\r\nX-Injected: 1")
@example("a\x7f")
@example("a.b-c_d~e+f/g==")
def test_only_visible_ascii_can_stand_in_a_header(value: str) -> None:
    """RFC 9110 section 5.5: nothing that a field could be ended or split with, and not shown."""
    problem = token_problem(value)
    assert (problem is None) is (bool(value) and all("!" <= c <= "~" for c in value))
    assert problem in {None, "is empty", "has characters other than visible ASCII"}


def test_a_token_has_a_longest_length() -> None:
    """1 MiB would be refused by every server, and carried on every request."""
    assert token_problem("a" * MAX_TOKEN) is None
    assert "longer" in (token_problem("a" * (MAX_TOKEN + 1)) or "")


@given(st.lists(st.text(min_size=1)))
@example(["\ud800"])
def test_a_secret_is_known_in_every_way_that_an_answer_may_quote_it(texts: list[str]) -> None:
    """As it is, as JSON writes it, percent-encoded: and the longest first, so that none is cut."""
    found = spellings(map(Secret, texts))
    assert {*texts, *(json.dumps(text)[1:-1] for text in texts)} <= set(found)
    assert [len(spelling) for spelling in found] == sorted(map(len, found), reverse=True)
    assert set(spellings([Secret('a"b /ä')])) == {
        'a"b /ä',
        'a\\"b /\\u00e4',
        'a\\"b /ä',
        "a%22b+%2F%C3%A4",
        "a%22b%20%2F%C3%A4",
        "a%22b%20/%C3%A4",
    }
