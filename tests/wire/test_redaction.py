"""What an error keeps of an answer that quotes a secret, over a real socket."""

from __future__ import annotations

import json
import pickle

import pytest

from aiocloudauth import CloudSession, ConflictError, Password, RenewalPolicy
from aiocloudauth.testing import Body, CloudServer


async def test_an_error_that_quotes_a_token_or_the_password_is_redacted() -> None:
    """In its list, its sentence and its header fields; also a token that was replaced meanwhile."""
    policy = RenewalPolicy(min_interval=0.01)
    async with (
        CloudServer({"admin": "pass-word-1"}) as server,
        CloudSession(server.url, Password("admin", "pass-word-1"), policy=policy) as cloud,
    ):
        tokens = [cloud.token]
        await cloud.refresh()
        tokens.append(cloud.token)
        held = [token.token.reveal() for token in tokens if token is not None]
        for secret in ("pass-word-1", *held):
            said = f"You sent Bearer {secret}."
            fields = {"X-Quote": said, "X-Other": "stays", "x-cloud-error-codes": secret}
            entry = {"code": "a.b", "message": said, "fields": [secret]}
            for body in ({"errors": [entry]}, {"ok": False, "message": said}):
                server.fail_next("/x", Body(json.dumps(body), 409, headers=fields))
                with pytest.raises(ConflictError) as caught:
                    await cloud.get("/x")
                error = caught.value
                shown = f"{error!s} {error!r} {vars(error)!r} {pickle.dumps(error)!r}"
                assert secret not in shown
                assert error.headers["X-Other"] == "stays"
