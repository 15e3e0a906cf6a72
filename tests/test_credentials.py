"""What a session logs in with: which values are taken, asked for, and never shown."""

from __future__ import annotations

import functools
import io
import traceback
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from rich.console import Console
from rich.traceback import Traceback

from aiocloudauth.credentials import ApiKey, Basic, Bearer, Credentials, Password, check
from aiocloudauth.errors import ConfigurationError, TransportError, UnauthenticatedError
from aiocloudauth.token import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

PLANTED = "pl4nted-secret"

#: Credentials made with the secret given, by kind.
KINDS: dict[str, Callable[[Any], Credentials]] = {
    "Password": lambda secret: Password("admin", secret),
    "Bearer": Bearer,
    "ApiKey": ApiKey,
    "Basic": lambda secret: Basic("admin", secret),
}


def giving(*values: object) -> Callable[[], Any]:
    """Make an async callable that gives these values in turn."""
    left = list(values)

    async def ask() -> object:
        return left.pop(0)

    return ask


def revealed(value: object) -> object:
    """Open a secret."""
    return value.reveal() if isinstance(value, Secret) else value


def rich_text(error: BaseException) -> str:
    """Render a traceback with the local variables of every frame but the test's own."""
    assert error.__traceback__ is not None
    frames = error.__traceback__.tb_next
    rendered = Traceback.from_exception(
        type(error),
        error,
        frames,
        width=2_000,  # a secret broken over two lines would not be found
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=100_000,
    )
    console = Console(file=io.StringIO(), width=2_000)
    console.print(rendered)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# -- values that cannot work ---------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: Password("", "x"),
        lambda: Password("admin", ""),
        lambda: Basic("", "x"),
        lambda: Basic("admin", ""),
        lambda: Bearer(""),
        lambda: ApiKey(""),
        lambda: ApiKey(Secret("")),
    ],
)
def test_an_empty_value_is_refused_at_construction(make: Callable[[], Credentials]) -> None:
    """An unset environment variable is noticed where it is read, not by a 401 later."""
    with pytest.raises(ConfigurationError, match="empty"):
        make()


@pytest.mark.parametrize("value", [None, 1, b"x", ["x"], {"x": 1}])
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_type_is_refused_at_construction(kind: str, value: object) -> None:
    """`None` would otherwise become the text "None"."""
    with pytest.raises(ConfigurationError, match=f"{kind}.*{type(value).__name__}"):
        KINDS[kind](value)


@pytest.mark.parametrize("user", [None, 1, b"x"])
@pytest.mark.parametrize("kind", [Password, Basic])
def test_a_user_name_is_text_too(kind: Callable[..., Credentials], user: object) -> None:
    """The same holds for both halves of a pair."""
    with pytest.raises(ConfigurationError, match="username"):
        kind(user, "x")


@pytest.mark.parametrize("bad", ["x\r\nX-Injected: 1", "x\n", "x\x00", "two words", "schlüssel"])
@pytest.mark.parametrize("kind", [Bearer, ApiKey])
def test_a_token_or_key_that_cannot_stand_in_a_header_is_refused(
    kind: Callable[[str], Credentials], bad: str
) -> None:
    """CR/LF in a token would write a header of its own."""
    with pytest.raises(ConfigurationError, match="visible ASCII") as caught:
        kind(bad)
    assert bad not in str(caught.value)


@pytest.mark.parametrize("kind", [Bearer, ApiKey])
def test_a_token_or_key_of_1_mib_is_refused(kind: Callable[[str], Credentials]) -> None:
    """No server takes such a header; the file read was the wrong one."""
    with pytest.raises(ConfigurationError, match="longer"):
        kind("x" * 1024 * 1024)


def test_a_password_may_hold_any_text_since_it_is_sent_as_json() -> None:
    """Only what goes into a header is bound to a header's alphabet."""
    password = Password("jörg@example.com", "p ä\u2028ss\r\n")
    assert revealed(password.password) == "p ä\u2028ss\r\n"
    assert password.username == "jörg@example.com"


@pytest.mark.parametrize("user", ["a:b", ":", "a\nb", "a\x00b"])
def test_a_basic_user_name_keeps_to_rfc_7617(user: str) -> None:
    """The first colon ends the user name, and control characters are not allowed at all."""
    with pytest.raises(ConfigurationError, match="username"):
        Basic(user, "x")


def test_a_basic_password_may_hold_a_colon() -> None:
    """Only the first colon of the pair separates."""
    assert revealed(Basic("admin", "a:b").password) == "a:b"


@pytest.mark.parametrize("make", [Password, Basic])
@pytest.mark.parametrize("pair", [("\ud800", "x"), ("admin", "\ud800" + PLANTED)])
def test_what_no_encoding_can_send_is_refused_at_construction(
    make: Callable[..., Credentials], pair: tuple[str, str]
) -> None:
    """A lone surrogate would fail while the request is written, with the secret in the error."""
    with pytest.raises(ConfigurationError) as caught:
        make(*pair)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", [None, ("admin", PLANTED), PLANTED, {"username": "admin"}])
def test_what_is_no_credentials_is_refused_by_its_type(value: object) -> None:
    """A pair as other libraries take it; the error names the four kinds and shows nothing."""
    with pytest.raises(ConfigurationError, match="Password, Bearer, ApiKey or Basic") as caught:
        check(value, hosted=False)
    assert type(value).__name__ in str(caught.value)
    assert PLANTED not in str(caught.value)


def test_a_password_is_refused_for_elastic_clouds_own_api_alone() -> None:
    """It has no `_login` at all; the error says what to use there."""
    with pytest.raises(ConfigurationError, match="ApiKey"):
        check(Password("admin", "secret"), hosted=True)
    check(Password("admin", "secret"), hosted=False)
    check(ApiKey("key"), hosted=True)


# -- the time of a bearer token ------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2030, 1, 1),  # noqa: DTZ001 - that it is refused is the claim
        date(2030, 1, 1),
        time(12, tzinfo=UTC),
        1_893_456_000,
        "2030-01-01T00:00:00Z",
    ],
    ids=str,
)
def test_a_time_that_is_no_aware_datetime_is_refused(moment: object) -> None:
    """LESSONS: "naive or local expiry": aware UTC only."""
    with pytest.raises(ConfigurationError, match="session_expiration_time"):
        Bearer("token", moment)


def test_a_time_with_an_offset_is_the_same_instant_in_utc() -> None:
    """Whatever zone it was given in, what is read back is UTC."""
    bearer = Bearer("token", datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert bearer.session_expiration_time == datetime(2030, 1, 1, tzinfo=UTC)
    assert bearer.session_expiration_time is not None
    assert bearer.session_expiration_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "moment",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_a_time_that_utc_cannot_express_is_refused(moment: datetime) -> None:
    """Year 9999 west of Greenwich is year 10000 in UTC, which `datetime` lacks."""
    with pytest.raises(ConfigurationError, match="session_expiration_time"):
        Bearer("token", moment)


def test_the_last_instant_of_all_is_accepted() -> None:
    """Year 9999 is how some servers say "never"."""
    last = datetime.max.replace(tzinfo=UTC)
    assert Bearer("token", last).session_expiration_time == last
    assert Bearer("token").session_expiration_time is None


# -- values that are asked for -------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_an_async_callable_is_asked_again_at_every_login(kind: str) -> None:
    """Rotated secrets are picked up."""
    credentials = KINDS[kind](giving("first", "second"))
    assert credentials.rotates
    assert [s.reveal() for s in (await credentials.resolve()).secrets()] == ["first"]
    assert [s.reveal() for s in (await credentials.resolve()).secrets()] == ["second"]


async def test_both_halves_of_a_pair_may_be_callables() -> None:
    """User and password may come from the same vault."""
    plain = await Password(giving("admin"), giving("secret")).resolve()
    assert revealed(plain.username) == "admin"
    assert revealed(plain.password) == "secret"
    plain_basic = await Basic(giving("admin"), "secret").resolve()
    assert revealed(plain_basic.username) == "admin"


async def test_a_callable_may_give_a_secret() -> None:
    """Code that already holds a `Secret` need not reveal it."""
    plain = await ApiKey(giving(Secret("key"))).resolve()
    assert plain == ApiKey("key")


async def test_an_object_with_an_async_call_is_a_callable_too() -> None:
    """Partials, bound methods and callable objects are asked like functions."""

    class Vault:
        async def __call__(self) -> str:
            return "from the vault"

        async def read(self, name: str) -> str:
            return name

    assert revealed((await Password("u", Vault()).resolve()).password) == "from the vault"
    method = functools.partial(Vault().read, "from a method")
    assert revealed((await Password("u", method).resolve()).password) == "from a method"


async def test_a_plain_function_is_asked_as_well() -> None:
    """Forgetting `async` costs nothing."""
    assert await ApiKey(lambda: "key").resolve() == ApiKey("key")  # type: ignore[arg-type, return-value]  # the type asks for async


@pytest.mark.parametrize("kind", KINDS)
async def test_plain_values_are_not_asked(kind: str) -> None:
    """Resolved credentials are the credentials themselves."""
    credentials = KINDS[kind]("value")
    assert not credentials.rotates
    assert await credentials.resolve() is credentials


async def test_the_time_beside_an_asked_for_token_is_kept() -> None:
    """Only the callable values are replaced."""
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert await Bearer(giving("token"), moment).resolve() == Bearer("token", moment)


@pytest.mark.parametrize("value", [None, 1, b"x", ""])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_callable_that_gives_something_unusable_is_a_typed_error(
    kind: str, value: object
) -> None:
    """What it gives is held to the same rules as a plain value."""
    with pytest.raises(ConfigurationError):
        await KINDS[kind](giving(value)).resolve()


async def test_a_callable_that_fails_is_a_transport_error_with_its_cause() -> None:
    """A vault that is down is like a server that is down: worth another try."""
    cause = LookupError(f"no {PLANTED}")

    async def fails() -> str:
        raise cause

    with pytest.raises(TransportError, match=r"Password\.password raised LookupError") as caught:
        await Password("admin", fails).resolve()
    assert caught.value.__cause__ is cause
    assert PLANTED not in str(caught.value)


async def test_a_callable_that_raises_one_of_our_errors_is_not_wrapped() -> None:
    """Credentials may come through another session of this package."""
    error = UnauthenticatedError("refused", status=401)

    async def fails() -> str:
        raise error

    with pytest.raises(UnauthenticatedError) as caught:
        await ApiKey(fails).resolve()
    assert caught.value is error


# -- what each kind can do -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "abilities"),
    [
        # can_login, can_refresh, logs_in, repeatable
        (Password("u", "p"), (True, True, True, True)),
        (Bearer("t"), (False, True, False, False)),
        (Bearer(giving("t")), (False, True, False, True)),
        (ApiKey("k"), (False, False, False, False)),
        (ApiKey(giving("k")), (False, False, False, True)),
        (Basic("u", "p"), (True, False, True, True)),
    ],
    ids=repr,
)
def test_each_kind_can_do_what_the_api_lets_it(
    credentials: Credentials, abilities: tuple[bool, ...]
) -> None:
    """An API key is never renewed, a token got elsewhere is not ours to log out."""
    found = (
        credentials.can_login,
        credentials.can_refresh,
        credentials.logs_in,
        credentials.repeatable,
    )
    assert found == abilities


def test_credentials_are_values() -> None:
    """Whether a rotated secret changed is a comparison."""
    assert Password("u", "p") == Password("u", "p") != Password("u", "q")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Password("u", "p").username = "v"  # type: ignore[misc]  # that it is refused is the claim


# -- secrets -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_credentials_show_their_secret(kind: str) -> None:
    """LESSONS: "password or token in debug logs"."""
    credentials = KINDS[kind](PLANTED)
    assert PLANTED not in f"{credentials!r} {credentials} {attrs.asdict(credentials)}"
    assert [secret.reveal() for secret in credentials.secrets()] == [PLANTED]


@pytest.mark.parametrize("kind", KINDS)
def test_a_callable_does_not_show_what_it_was_bound_to(kind: str) -> None:
    """`repr(functools.partial(...))` prints its arguments."""

    async def read(secret: str) -> str:
        return secret

    assert PLANTED not in repr(KINDS[kind](functools.partial(read, PLANTED)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_value_is_in_no_formatted_traceback(kind: str) -> None:
    """The error names the attribute and what is wrong with it."""
    bad = {"Password": [PLANTED], "Basic": PLANTED + "\ud800"}.get(kind, PLANTED + "\r\n")
    with pytest.raises(ConfigurationError) as caught:
        KINDS[kind](bad)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("Bearer", PLANTED + "\r\n"),
        ("ApiKey", PLANTED + " "),
        ("Basic", PLANTED + "\ud800"),
        ("Password", PLANTED + "\ud800"),
        ("Password", PLANTED.encode()),
    ],
)
async def test_what_a_callable_gives_is_in_no_local_variable_of_a_traceback(
    kind: str, bad: object
) -> None:
    """Error reporters show the locals of every frame; a login in the background ends there."""
    with pytest.raises(ConfigurationError) as caught:
        await KINDS[kind](giving(bad)).resolve()
    text = rich_text(caught.value)
    assert "resolve" in text
    assert PLANTED not in text


async def test_a_good_half_is_in_no_traceback_of_a_bad_one() -> None:
    """The password is asked for before or after the user name that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        await Basic(giving("a:b"), giving(PLANTED)).resolve()
    assert PLANTED not in rich_text(caught.value)
