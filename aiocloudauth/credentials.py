"""What a session logs in with."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from attrs import Attribute, evolve, field, fields, frozen

from aiocloudauth.errors import CloudAuthError, ConfigurationError, TransportError
from aiocloudauth.token import Secret, token_problem

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ApiKey", "Basic", "Bearer", "Credentials", "Password"]

#: A value as it is, or an async callable that is asked for it at every login.
CredentialValue: TypeAlias = str | Secret | Callable[[], Awaitable[str]]


def _hidden(value: object) -> str:
    # A callable's own repr may show what it was bound to (functools.partial does).
    return "<async callable>" if callable(value) else repr(value)


def _to_plain(value: CredentialValue) -> CredentialValue:
    return str.__str__(value) if isinstance(value, str) else value  # as in `Secret`


def _to_secret(value: CredentialValue) -> CredentialValue:
    return Secret(value) if isinstance(value, str) else value


def _plain(value: object) -> str | None:
    """Return the string of a value that is here already; `None` for a callable."""
    if isinstance(value, Secret):
        return value.reveal()
    return value if isinstance(value, str) else None


# What is wrong with a value, in words without it. Apart from the validators, so that no
# frame of a traceback holds the plain string.


def _text_problem(value: object) -> str | None:
    plain = _plain(value)
    if plain is None:
        kind = type(value).__name__
        return None if callable(value) else f"must be a str or an async callable, not {kind}"
    if not plain:
        return "is empty"
    if "\n" in plain or "\r" in plain:
        return "has a line break, as the content of a file often does: strip it"
    if plain.startswith("\ufeff"):
        return "begins with a byte order mark: read the file as utf-8-sig"
    try:
        plain.encode()
    except UnicodeEncodeError:
        return "cannot be encoded as UTF-8"
    return None


def _basic_problem(value: object) -> str | None:
    plain = _plain(value) or ""
    problem = _text_problem(value)
    if problem is None and any(c < " " or c == "\x7f" for c in plain):
        return "must not contain control characters"  # RFC 7617 section 2
    return problem


def _user_id_problem(value: object) -> str | None:
    problem = _basic_problem(value)
    if problem is None and ":" in (_plain(value) or ""):
        return "must not contain a colon"  # RFC 7617 section 2: it ends the user-id
    return problem


def _header_problem(value: object) -> str | None:
    plain = _plain(value)
    return _text_problem(value) or (None if plain is None else token_problem(plain))


def _checked(problem_of: Callable[[object], str | None]) -> Callable[[Any, Any, Any], None]:
    def validator(owner: object, attribute: Attribute[Any], value: object) -> None:
        problem = problem_of(value)
        if problem is not None:
            where = f"{type(owner).__name__}.{attribute.name}"
            raise ConfigurationError(f"{where} {problem}")

    return validator


def _to_utc(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ConfigurationError(
            "Bearer.session_expiration_time must be an aware datetime (tzinfo=timezone.utc)"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        msg = "Bearer.session_expiration_time is out of the range of datetime in UTC"
        raise ConfigurationError(msg) from None


async def _ask(where: str, ask: Callable[[], object]) -> Secret:
    try:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        # At once, so that no frame of a traceback holds the plain string.
        answer = Secret(answer) if isinstance(answer, str) else answer
    except CloudAuthError:
        raise
    except Exception as error:
        msg = f"the callable for {where} raised {type(error).__name__}"
        raise TransportError(msg) from error
    if isinstance(answer, Secret):
        return answer
    kind = type(answer).__name__
    del answer  # it may be the secret as bytes
    raise ConfigurationError(f"the callable for {where} returned {kind}, not a str")


@frozen
class Credentials:
    """The base of what a session logs in with."""

    #: Whether a login can be repeated; else a lost token stays lost.
    can_login: ClassVar[bool] = True
    #: Whether ``_refresh`` with the token in hand renews it.
    can_refresh: ClassVar[bool] = False
    #: Whether a token from these is ours to log out.
    logs_in: ClassVar[bool] = False

    @property
    def rotates(self) -> bool:
        """Whether a value is a callable, asked again at every login."""
        return any(callable(value) for value in self._values().values())

    @property
    def repeatable(self) -> bool:
        """Whether a login with these can be done again."""
        return self.can_login or self.rotates

    def _values(self) -> dict[str, object]:
        names = (attribute.name for attribute in fields(type(self)))
        return {name: getattr(self, name) for name in names}

    async def resolve(self) -> Self:
        """Ask every callable and return these credentials with plain values.

        Raises:
            ConfigurationError: A callable gave an unusable value.
            TransportError: A callable raised; its exception is the cause.
        """
        if not self.rotates:
            return self
        name = type(self).__name__
        asked = {
            key: await _ask(f"{name}.{key}", value)
            for key, value in self._values().items()
            if callable(value)
        }
        return evolve(self, **asked)

    def secrets(self) -> tuple[Secret, ...]:
        """Return the secrets held here, for taking them out of messages."""
        return tuple(value for value in self._values().values() if isinstance(value, Secret))


@frozen
class Password(Credentials):
    """User name and password for ``_login``.

    Attributes:
        username: As a ``str`` or an async callable.
        password: As a ``str`` or an async callable.

    Raises:
        ConfigurationError: One is empty, has a line break or a byte order mark, or is
            neither a ``str`` nor a callable.

    Source: ECE 3.8 API, login.
    """

    can_refresh: ClassVar[bool] = True
    logs_in: ClassVar[bool] = True

    username: CredentialValue = field(
        validator=_checked(_text_problem), converter=_to_plain, repr=_hidden
    )
    password: CredentialValue = field(
        validator=_checked(_text_problem), converter=_to_secret, repr=_hidden
    )


@frozen
class Bearer(Credentials):
    """A token that was got elsewhere; renewed by ``_refresh`` while it lives.

    Attributes:
        token: As a ``str`` or an async callable. With a callable a lost token can be
            replaced: it is asked for another.
        session_expiration_time: The token's expiry, aware; ``None`` if unknown.

    Raises:
        ConfigurationError: The token is empty or cannot stand in a header, or the time
            is naive.
    """

    can_login: ClassVar[bool] = False
    can_refresh: ClassVar[bool] = True

    token: CredentialValue = field(
        validator=_checked(_header_problem), converter=_to_secret, repr=_hidden
    )
    session_expiration_time: datetime | None = field(default=None, converter=_to_utc)


@frozen
class ApiKey(Credentials):
    """A static API key, sent as ``Authorization: ApiKey <key>`` and never renewed.

    Attributes:
        key: As a ``str`` or an async callable. With a callable a refused key is replaced
            by the one that it gives next.

    Raises:
        ConfigurationError: The key is empty or cannot stand in a header.
    """

    can_login: ClassVar[bool] = False

    key: CredentialValue = field(
        validator=_checked(_header_problem), converter=_to_secret, repr=_hidden
    )


@frozen
class Basic(Credentials):
    """User name and password, sent as HTTP Basic to ``_refresh`` for every token.

    Attributes:
        username: As a ``str`` without a colon, or an async callable.
        password: As a ``str`` or an async callable.

    Raises:
        ConfigurationError: One is empty, has control characters, or is neither a ``str``
            nor a callable; or the user name has a colon.

    Source: ECE 3.8 API, refresh-token, the page's curl example; RFC 7617.
    """

    logs_in: ClassVar[bool] = True

    username: CredentialValue = field(
        validator=_checked(_user_id_problem), converter=_to_plain, repr=_hidden
    )
    password: CredentialValue = field(
        validator=_checked(_basic_problem), converter=_to_secret, repr=_hidden
    )


def check(credentials: object, *, hosted: bool) -> None:
    """Check that these are credentials, and that the server takes them.

    Args:
        credentials: What the user gave.
        hosted: Whether the server is Elastic Cloud's own API.

    Raises:
        ConfigurationError: They are none, or a password for the hosted API.
    """
    if not isinstance(credentials, Credentials):
        raise ConfigurationError(
            "credentials must be Password, Bearer, ApiKey or Basic, "
            f"not {type(credentials).__name__}"
        )
    if hosted and isinstance(credentials, Password):
        raise ConfigurationError(
            "Elastic Cloud's hosted API has no login with a password: use ApiKey(...)"
        )


# -- the environment -----------------------------------------------------------------------


@frozen
class Environment:
    """What the environment's variables say.

    Attributes:
        url: The ECE's URL.
        credentials: An `ApiKey`, else a `Password`.
        ca_file: The path of the authority to trust; ``None`` if there is none.
    """

    url: str
    credentials: Credentials
    ca_file: str | None = None


def read_environment() -> Environment:
    """Return what ecctl's variables hold, or the Terraform provider's where those are absent.

    A key wins over a password. A host without a scheme is an https one. An empty variable
    is an absent one.

    Raises:
        ConfigurationError: A variable is missing, or holds what cannot work.
    """
    url = _variable("EC_HOST", "EC_ENDPOINT")[1].reveal().strip()
    if not url:
        raise ConfigurationError("EC_HOST is not set: it holds the ECE's URL")
    return Environment(
        url if "://" in url else f"https://{url}",
        _environment_credentials(),
        _variable("EC_CA_FILE")[1].reveal() or None,
    )


def _environment_credentials() -> Credentials:
    key = _secret(_header_problem, "EC_API_KEY")
    if key is not None:
        return ApiKey(key)
    user = _secret(_text_problem, "EC_USER", "EC_USERNAME")
    password = _secret(_text_problem, "EC_PASS", "EC_PASSWORD")
    if user is None or password is None:
        raise ConfigurationError("neither EC_API_KEY nor both of EC_USER and EC_PASS are set")
    return Password(user.reveal(), password)


def _secret(problem_of: Callable[[object], str | None], *names: str) -> Secret | None:
    name, value = _variable(*names)
    if not value.reveal():
        return None
    problem = problem_of(value)
    if problem is not None:
        raise ConfigurationError(f"{name} {problem}")
    return value


def _variable(*names: str) -> tuple[str, Secret]:
    """Return the first of these variables that is not empty, and what it holds."""
    # Secrets at once, so that no frame of a traceback holds a plain string.
    held = [(name, Secret(os.environ.get(name, ""))) for name in names]
    return next((pair for pair in held if pair[1].reveal()), held[0])
