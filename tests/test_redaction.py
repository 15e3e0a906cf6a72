"""What an error keeps of an answer that quotes a secret."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from aiocloudauth import (
    CloudSession,
    ConflictError,
    Password,
    PermissionDeniedError,
    RenewalPolicy,
)
from aiocloudauth.testing import Body, CloudServer, Status

QUICK = RenewalPolicy(min_interval=0.01)


def session(server: CloudServer, **options: Any) -> CloudSession:
    """Make a session with the server's administrator."""
    return CloudSession(server.url, Password("admin", "secret"), policy=QUICK, **options)


def envelope(*codes: str, message: str = "No.", **more: Any) -> str:
    """Write the body of an error with these codes."""
    return json.dumps({"errors": [{"code": code, "message": message, **more} for code in codes]})


async def test_an_error_that_quotes_the_token_or_the_password_is_redacted() -> None:
    """A server, or a proxy, may say what it was sent; the error does not."""
    async with CloudServer({"admin": "pass-word-1"}) as server:
        credentials = Password("admin", "pass-word-1")
        async with CloudSession(server.url, credentials, policy=QUICK) as cloud:
            assert cloud.token is not None
            token = cloud.token.token.reveal()
            for secret in (token, "pass-word-1"):
                quotes = f"You sent Bearer {secret}."
                server.fail_next(
                    "/x",
                    Body(
                        envelope("a.b", message=quotes, fields=[secret, f"x{secret}x"]),
                        409,
                        headers={
                            "X-Quote": quotes,
                            "X-Other": "stays",
                            "x-cloud-error-codes": secret,
                        },
                    ),
                )
                server.fail_next("/x", Body(json.dumps({"message": quotes}), 409))
                server.fail_next("/x", Body(envelope("a.b", message="z" * 990 + secret), 409))
                for _ in range(3):
                    with pytest.raises(ConflictError) as caught:
                        await cloud.get("/x")
                    error = caught.value
                    shown = f"{error!s} {error!r} {vars(error)!r} {pickle.dumps(error)!r}"
                    assert secret not in shown
                    # Nor the beginning of one that was cut.
                    assert secret[:10] not in shown


async def test_an_error_that_quotes_a_token_replaced_meanwhile_is_redacted() -> None:
    """The server may let the old token live on, so it is a secret still."""
    async with CloudServer() as server, session(server) as cloud:
        assert cloud.token is not None
        old = cloud.token.token.reveal()
        await cloud.refresh()
        await cloud.refresh()
        server.fail_next("/x", Status(409, "a.b", f"You sent {old}."))
        with pytest.raises(ConflictError) as caught:
            await cloud.get("/x")
        assert old not in f"{caught.value!s} {vars(caught.value)!r}"


async def test_a_secret_that_is_part_of_a_known_code_changes_no_class() -> None:
    """Whoever has the password `root` still learns what the answer means."""
    async with (
        CloudServer({"admin": "root"}) as server,
        CloudSession(server.url, Password("admin", "root"), policy=QUICK) as cloud,
    ):
        server.fail_next("/x", status=403, code="root.permission_denied")
        server.fail_next("/x", status=409, code="root.made_up")
        with pytest.raises(PermissionDeniedError) as denied:
            await cloud.get("/x")
        assert denied.value.codes == ("root.permission_denied",)
        with pytest.raises(ConflictError) as unknown:
            await cloud.get("/x")
        assert unknown.value.codes == ("***.made_up",)
