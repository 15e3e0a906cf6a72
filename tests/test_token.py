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
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocloudauth.errors import ConfigurationError
from aiocloudauth.token import MAX_TOKEN, Secret, SessionToken, spellings, token_problem

if TYPE_CHECKING:
    from collections.abc import Callable

#: A loaded machine is no defect; a hang is ended by the timeout of the suite.
UNHURRIED = settings(deadline=None)

PLANTED = "pl4nted-token"
EXPIRY = datetime(2030, 1, 1, tzinfo=UTC)


def snapshot(generation: int = 1) -> SessionToken:
    """Make a token that holds the planted secret."""
    return SessionToken(Secret(PLANTED), EXPIRY, generation)


@pytest.mark.parametrize("holder", [Secret(PLANTED), snapshot()], ids=["Secret", "SessionToken"])
@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        ascii,
        format,
        pprint.pformat,
        lambda value: f"{value!r:>40}",
        lambda value: "%s %r" % (value, value),  # noqa: UP031 - this way of formatting is asked too
        lambda value: f"{[value]} { ({'key': value}) }",
    ],
)
def test_no_way_of_formatting_shows_the_secret(
    shown: Callable[[object], str], holder: object
) -> None:
    """LESSONS: "password or token in debug logs": a log line may format whatever it likes."""
    assert PLANTED not in shown(holder)


def test_formatting_a_secret_keeps_to_the_width_asked_for() -> None:
    """A table with a secret in it stays a table."""
    assert f"{Secret(PLANTED):>16}|{Secret(PLANTED)}|" == "   Secret('***')|Secret('***')|"


@pytest.mark.parametrize("holder", [Secret(PLANTED), snapshot()], ids=["Secret", "SessionToken"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_in_no_pickle(protocol: int, holder: object) -> None:
    """A cache or a process pool gets an error instead of a token; the error does not name it."""
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(holder, protocol)
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("holder", [Secret(PLANTED), snapshot()], ids=["Secret", "SessionToken"])
def test_a_copy_within_the_process_still_holds_the_secret(holder: object) -> None:
    """Configuration that holds credentials may be deep-copied."""
    assert copy.copy(holder) == copy.deepcopy(holder) == holder


def test_a_secret_has_no_dictionary_of_attributes() -> None:
    """`vars()` is what debuggers and error reporters print."""
    with pytest.raises(TypeError):
        vars(Secret(PLANTED))
    with pytest.raises(TypeError):
        json.dumps(Secret(PLANTED))


def test_only_reveal_gives_the_string() -> None:
    """Where a secret leaves its shell can be searched for."""
    assert Secret(PLANTED).reveal() == PLANTED


@UNHURRIED
@given(st.text(), st.text())
def test_secrets_are_equal_as_their_strings_are(one: str, other: str) -> None:
    """Any text can be held and compared, lone surrogates and all."""
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))


@pytest.mark.parametrize("other", [PLANTED, PLANTED.encode(), None, 1])
def test_a_secret_is_not_equal_to_what_it_holds(other: object) -> None:
    """Comparing it with a plain string by mistake is never true."""
    assert Secret(PLANTED) != other
    assert (Secret(PLANTED) == other) is False


def test_lone_surrogates_can_be_compared() -> None:
    """A password from a file name may hold them."""
    assert Secret("\ud800") == Secret("\ud800") != Secret("\ud801")


@pytest.mark.parametrize("value", [None, 1, b"bytes", ["x"]])
def test_a_secret_is_text(value: object) -> None:
    """Bytes or a number here would be a silent `b'…'` or `1` in a header later."""
    with pytest.raises(ConfigurationError, match=type(value).__name__) as caught:
        Secret(value)  # type: ignore[arg-type]  # that it is refused is the claim
    assert "bytes'" not in str(caught.value)


def test_a_snapshot_knows_its_header() -> None:
    """Token, expiry and generation are of one answer; the header is made of that token."""
    token = snapshot(7)
    assert token.token.reveal() == PLANTED
    assert token.session_expiration_time == EXPIRY
    assert token.generation == 7
    assert token.scheme == "Bearer"
    assert token.authorization.reveal() == f"Bearer {PLANTED}"


def test_an_api_key_is_sent_under_its_own_scheme() -> None:
    """`Authorization: ApiKey <key>`, verbatim."""
    token = SessionToken(Secret(PLANTED), None, 1, scheme="ApiKey")
    assert token.authorization.reveal() == f"ApiKey {PLANTED}"
    assert token.session_expiration_time is None


def test_a_snapshot_cannot_be_changed() -> None:
    """Whoever holds one keeps what it read, whatever is renewed meanwhile."""
    token = snapshot()
    for field in attrs.fields(SessionToken):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(token, field.name, None)


def test_snapshots_are_values() -> None:
    """Two reads of the same token are equal; the next generation differs."""
    assert snapshot(1) == snapshot(1) != snapshot(2)
    assert hash(snapshot(1)) == hash(snapshot(1))


def test_a_snapshot_shows_what_is_no_secret() -> None:
    """Its `repr` says when it ends and which one it is."""
    assert "2030" in repr(snapshot(7))
    assert "generation=7" in repr(snapshot(7))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "empty"),
        ("a b", "visible ASCII"),
        (" a", "visible ASCII"),
        ("a\r\nX-Injected: 1", "visible ASCII"),
        ("a\n", "visible ASCII"),
        ("a\x00", "visible ASCII"),
        ("a\x7f", "visible ASCII"),
        ("tökén", "visible ASCII"),
        ("\ud800", "visible ASCII"),
        ("a" * (1024 * 1024), "longer"),
        ("a" * (MAX_TOKEN + 1), "longer"),
    ],
)
def test_what_cannot_stand_in_a_header_is_named_without_being_shown(
    value: str, problem: str
) -> None:
    """CR/LF would start a header of its own, and 1 MiB would be refused by every server."""
    said = token_problem(value)
    assert said is not None
    assert problem in said
    assert not value or value not in said


@pytest.mark.parametrize(
    "value", ["a", "a.b-c_d~e+f/g==", "!\"#$%&'()*,:;<>?@[]^`{|}~", "a" * MAX_TOKEN]
)
def test_tokens_and_keys_as_servers_issue_them_are_accepted(value: str) -> None:
    """JWTs, base64 keys and anything else of visible ASCII pass."""
    assert token_problem(value) is None


@UNHURRIED
@given(st.text(max_size=50))
def test_only_visible_ascii_passes(value: str) -> None:
    """RFC 9110 section 5.5: nothing that a header field could be ended or split with."""
    passes = bool(value) and all("!" <= character <= "~" for character in value)
    assert (token_problem(value) is None) is passes


def test_a_secret_is_known_in_every_way_that_an_answer_may_quote_it() -> None:
    """As it is, as JSON writes it, percent-encoded: and the longest first, so that none is cut."""
    assert spellings([Secret("plain")]) == ["plain"]
    found = spellings([Secret('a"b/c'), Secret("plain")])
    assert set(found) == {'a"b/c', 'a\\"b/c', "a%22b%2Fc", "a%22b/c", "plain"}
    assert [len(spelling) for spelling in found] == sorted(map(len, found), reverse=True)
    assert spellings([]) == []


@UNHURRIED
@given(st.lists(st.text(min_size=1).map(Secret)))
def test_any_secret_can_be_spelt(secrets: list[Secret]) -> None:
    """Whatever alphabet a password is of."""
    found = spellings(secrets)
    assert {secret.reveal() for secret in secrets} <= set(found)


def test_a_secret_that_no_encoding_can_send_can_be_spelt() -> None:
    """Looking for it in an answer must not be what fails."""
    assert "\ud800" in spellings([Secret("\ud800")])
