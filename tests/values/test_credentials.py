"""What a session logs in with: which values are taken, asked for, and never shown."""

from __future__ import annotations

import enum
import functools
import traceback
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import attrs
import pytest

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
EACH = pytest.mark.parametrize("kind", KINDS)


def giving(*values: object) -> Callable[[], Any]:
    """Make an async callable that gives these values in turn."""
    left = list(values)

    async def ask() -> object:
        return left.pop(0)

    return ask


def revealed(value: object) -> object:
    """Open a secret."""
    return value.reveal() if isinstance(value, Secret) else value


def with_locals(error: BaseException) -> str:
    """Write a traceback with the local variables of every frame but the test's own."""
    trace = error.__traceback__
    frames = traceback.TracebackException(
        type(error), error, trace and trace.tb_next, capture_locals=True
    )
    return "".join(frames.format())


# -- values that cannot work ---------------------------------------------------------------

#: What no kind takes as its secret, and in which words.
REFUSED: list[tuple[object, str]] = [
    ("", "is empty"),
    (None, "NoneType"),
    (PLANTED.encode(), "bytes"),
    ([PLANTED], "list"),
    (f"{PLANTED}\n", "line break"),
    (f"{PLANTED}\r\nX-Injected: 1", "line break"),
    (f"\ufeff{PLANTED}", "byte order mark"),
    (f"{PLANTED}\ud800", "encoded"),
]
#: What goes into a header is bound to a header's alphabet, and a pair to that of RFC 7617.
HEADER: list[tuple[object, str]] = [
    (f"{PLANTED} schlüssel", "visible ASCII"),
    (PLANTED * 10_000, "longer"),
]
PAIR: list[tuple[object, str]] = [
    (f"{PLANTED}\x00", "control characters"),
    (f"{PLANTED}\x7f", "control characters"),
]
ALSO_REFUSED = {"Password": [], "Bearer": HEADER, "ApiKey": HEADER, "Basic": PAIR}


@EACH
async def test_an_unusable_value_is_refused_at_construction_and_when_asked_for(kind: str) -> None:
    """The error says what is wrong, and no frame of its traceback holds what was given."""
    for value, problem in REFUSED + ALSO_REFUSED[kind]:
        with pytest.raises(ConfigurationError, match=problem) as caught:
            KINDS[kind](value)
        assert PLANTED not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(ConfigurationError, match=rf"{kind}\.") as asked:
            await KINDS[kind](giving(value)).resolve()
        shown = with_locals(asked.value)
        assert "in resolve" in shown
        assert PLANTED not in shown


def test_a_user_name_is_held_to_its_own_rules() -> None:
    """RFC 7617: the first colon of a pair ends the user name."""
    kinds: list[Callable[..., Credentials]] = [Password, Basic]
    for kind in kinds:
        for user in ("", None, b"x", "admin\n", "\ufeffadmin", "\ud800"):
            with pytest.raises(ConfigurationError, match=r"\.username "):
                kind(user, "x")
    for user in ("a:b", "a\x00b"):
        assert Password(user, "x").username == user
        with pytest.raises(ConfigurationError, match=r"Basic\.username must not contain "):
            Basic(user, "x")


async def test_a_good_half_is_in_no_traceback_of_a_bad_one() -> None:
    """The password is asked for before or after the user name that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        await Basic(giving("a:b"), giving(PLANTED)).resolve()
    assert PLANTED not in with_locals(caught.value)


class Settings(str, enum.Enum):  # noqa: UP042 - a `StrEnum` is formatted as its value
    """As programs keep their constants."""

    USER = "admin"
    SECRET = PLANTED


@pytest.mark.parametrize("kind", [Password, Basic])
async def test_a_member_of_an_enum_of_strings_is_its_value(
    kind: type[Password | Basic],
) -> None:
    """And not its name, which would be a wrong password; given or asked for."""
    for given in (
        kind(Settings.USER, Settings.SECRET),
        await kind(giving(Settings.USER), giving(Settings.SECRET)).resolve(),
    ):
        # Formatted, as in a header field.
        assert f"{revealed(given.username)}:{revealed(given.password)}" == f"admin:{PLANTED}"


def test_other_text_is_taken_as_it_is() -> None:
    """Only what goes into a header is bound to a header's alphabet."""
    password = Password("jörg@example.com", "p ä\u2028s\t\x00:s")
    assert revealed(password.password) == "p ä\u2028s\t\x00:s"
    assert password.username == "jörg@example.com"
    assert revealed(Basic("admin", "a:b ä").password) == "a:b ä"


@pytest.mark.parametrize("value", [None, ("admin", PLANTED), {"username": "admin"}])
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
        1_893_456_000,
        "2030-01-01T00:00:00Z",
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))),  # year 10000 in UTC
        datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_a_time_that_is_no_instant_is_refused(moment: object) -> None:
    """Naive or local times are what other clients get wrong."""
    with pytest.raises(ConfigurationError, match="session_expiration_time"):
        Bearer("token", moment)


def test_a_time_is_kept_in_utc() -> None:
    """Whatever zone it was given in; year 9999 is how some servers say "never"."""
    bearer = Bearer("token", datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert bearer.session_expiration_time == datetime(2030, 1, 1, tzinfo=UTC)
    assert bearer.session_expiration_time.tzinfo is UTC
    last = datetime.max.replace(tzinfo=UTC)
    assert Bearer("token", last).session_expiration_time == last
    assert Bearer("token").session_expiration_time is None


# -- values that are asked for -------------------------------------------------------------


@EACH
async def test_an_async_callable_is_asked_again_at_every_login(kind: str) -> None:
    """Rotated secrets are picked up; plain values are not asked."""
    credentials = KINDS[kind](giving("first", Secret("second")))
    assert credentials.rotates
    assert await credentials.resolve() == KINDS[kind]("first")
    assert await credentials.resolve() == KINDS[kind]("second")
    plain = KINDS[kind]("value")
    assert not plain.rotates
    assert await plain.resolve() is plain


async def test_every_kind_of_callable_is_asked() -> None:
    """Partials, bound methods, callable objects, plain functions; both halves of a pair."""

    class Vault:
        async def __call__(self) -> str:
            return "from the vault"

        async def read(self, name: str) -> str:
            return name

    method = functools.partial(Vault().read, "from a method")
    pair = await Password(method, Vault()).resolve()
    assert [revealed(value) for value in (pair.username, pair.password)] == [
        "from a method",
        "from the vault",
    ]
    assert await ApiKey(lambda: "key").resolve() == ApiKey("key")  # type: ignore[arg-type, return-value]  # the type asks for async
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert await Bearer(giving("token"), moment).resolve() == Bearer("token", moment)


async def test_a_callable_that_fails_is_a_transport_error_with_its_cause() -> None:
    """A vault that is down is like a server that is down: worth another try."""
    cause = LookupError(f"no {PLANTED}")

    async def fails() -> str:
        raise cause

    with pytest.raises(TransportError, match=r"Password\.password raised LookupError") as caught:
        await Password("admin", fails).resolve()
    assert caught.value.__cause__ is cause
    assert caught.value.retryable
    assert PLANTED not in str(caught.value)


async def test_a_callable_that_raises_one_of_our_errors_is_not_wrapped() -> None:
    """Credentials may come through another session of this package."""
    error = UnauthenticatedError("refused", status=401)

    async def fails() -> str:
        raise error

    with pytest.raises(UnauthenticatedError) as caught:
        await ApiKey(fails).resolve()
    assert caught.value is error


# -- what each kind can do and shows -------------------------------------------------------


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
    c = credentials
    assert (c.can_login, c.can_refresh, c.logs_in, c.repeatable) == abilities


@EACH
def test_credentials_are_frozen_values_that_show_no_secret(kind: str) -> None:
    """Whether a rotated secret changed is a comparison; `repr(partial)` prints its arguments."""
    credentials = KINDS[kind](PLANTED)
    assert credentials == KINDS[kind](PLANTED) != KINDS[kind]("other")
    assert PLANTED not in f"{credentials!r} {credentials} {attrs.asdict(credentials)}"
    assert [secret.reveal() for secret in credentials.secrets()] == [PLANTED]
    assert PLANTED not in repr(KINDS[kind](functools.partial(giving, PLANTED)))
    for field in attrs.fields(type(credentials)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(credentials, field.name, "x")
