"""`CloudSession.from_environment`: the names that Elastic's ecctl reads."""

from __future__ import annotations

import pytest

from aiocloudauth import ApiError, CloudSession, ConfigurationError, RenewalPolicy
from aiocloudauth.testing import CloudServer

QUICK = RenewalPolicy(min_interval=0.01)
URL_ = "https://ece.example.com:12443"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start with none of the variables set."""
    for name in ("EC_HOST", "EC_USER", "EC_PASS", "EC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


async def test_a_session_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    """The names that Elastic's ecctl reads; options as for the constructor."""
    async with CloudServer() as server:
        environment.setenv("EC_HOST", server.url)
        environment.setenv("EC_USER", "admin")
        environment.setenv("EC_PASS", "secret")
        async with CloudSession.from_environment(policy=QUICK, headers={"X-A": "1"}) as cloud:
            async with cloud.get("/x") as response:
                assert (await response.json())["user"] == "admin"
            assert server.log[-1].headers["X-A"] == "1"
        # A key wins over a password.
        environment.setenv("EC_API_KEY", "the-key")
        async with CloudSession.from_environment() as cloud:
            with pytest.raises(ApiError, match="401"):
                await cloud.get("/x")
            assert server.log[-1].headers["Authorization"] == "ApiKey the-key"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "EC_HOST"),
        ({"EC_HOST": ""}, "EC_HOST"),
        ({"EC_USER": "a", "EC_PASS": "b"}, "EC_HOST"),
        ({"EC_HOST": URL_}, "EC_API_KEY"),
        ({"EC_HOST": URL_, "EC_USER": "a"}, "EC_PASS"),
        ({"EC_HOST": URL_, "EC_USER": "a", "EC_PASS": ""}, "EC_PASS"),
        ({"EC_HOST": URL_, "EC_PASS": "b"}, "EC_USER"),
        ({"EC_HOST": URL_, "EC_API_KEY": "", "EC_USER": ""}, "EC_USER"),
        ({"EC_HOST": URL_, "EC_API_KEY": "k\n"}, "ApiKey"),
        ({"EC_HOST": "ece.example.com", "EC_API_KEY": "k"}, "https"),
        ({"EC_HOST": "http://ece.example.com", "EC_API_KEY": "k"}, "clear text"),
    ],
    ids=str,
)
def test_an_environment_that_does_not_suffice_is_a_clear_error(
    environment: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """It names the variable that is missing."""
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said):
        CloudSession.from_environment()


def test_a_subclass_comes_from_the_environment_as_itself(
    environment: pytest.MonkeyPatch,
) -> None:
    """The class that was asked for is the one that is made."""

    class Ours(CloudSession):
        pass

    environment.setenv("EC_HOST", URL_)
    environment.setenv("EC_API_KEY", "k")
    assert type(Ours.from_environment()) is Ours
