"""What differs between the ECE versions that the server can play."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from aiocloudauth.errors import ConfigurationError

__all__ = ["VERSIONS", "Version", "version_named"]


@frozen(kw_only=True)
class Version:
    """The facts of one ECE version, as far as authentication is concerned."""

    name: str

    #: `_login` and `_refresh` say when the token ends (since 3.7).
    session_expiration_time: bool = True

    #: Errors repeat their codes in a header (since 2.4).
    error_codes_header: bool = True

    #: The status of a failing authentication cluster, and whether a code comes with it.
    cluster_error_status: int = 502
    cluster_error_code: bool = True

    #: `_logout` exists (since 2.6).
    logout: bool = True

    #: `_login` sets the cookie `ec-sso-session-id`, and `_logout` reads it (up to 3.6).
    session_cookie: bool = False

    #: Some operations answer 449 to whoever lacks elevated permissions (up to 3.6).
    elevation: bool = False

    #: `users/auth` names `expires_at` (since 2.7) and `refresh_token_url` (since 2.5).
    expires_at: bool = True
    refresh_token_url: bool = True

    #: `users/auth/methods` lists `openid` and `sso_methods` (since 2.5).
    sso_methods: bool = True

    #: `users/auth` must say whether there is a TOTP device (until 3.3).
    totp_required: bool = False

    #: API keys have an expiration and an organization (3.7), and role assignments (3.8).
    key_expiration: bool = True
    key_roles: bool = True


VERSIONS: Final = {
    version.name: version
    for version in (
        Version(name="3.8"),
        Version(
            name="3.6",
            session_expiration_time=False,
            session_cookie=True,
            elevation=True,
            key_expiration=False,
            key_roles=False,
        ),
        Version(
            name="2.1",
            session_expiration_time=False,
            error_codes_header=False,
            cluster_error_status=503,
            cluster_error_code=False,
            logout=False,
            elevation=True,
            expires_at=False,
            refresh_token_url=False,
            sso_methods=False,
            totp_required=True,
            key_expiration=False,
            key_roles=False,
        ),
    )
}


def version_named(name: str) -> Version:
    """Look up one of the versions the server knows."""
    try:
        return VERSIONS[name]
    except (KeyError, TypeError):
        known = ", ".join(VERSIONS)
        message = f"unknown ECE version {name!r}; the server plays {known}"
        raise ConfigurationError(message) from None
