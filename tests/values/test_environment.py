"""`CloudSession.from_environment`: the variables of Elastic's ecctl and Terraform provider."""

from __future__ import annotations

import traceback

import pytest

from aiocloudauth import ApiKey, CloudSession, ConfigurationError, Password
from aiocloudauth.credentials import read_environment
from aiocloudauth.testing import CloudServer

PLANTED = "pl4nted-secret"
ECCTL = {"EC_HOST": "https://h:12443", "EC_USER": "admin", "EC_PASS": "secret"}
TERRAFORM = {"EC_ENDPOINT": "https://t", "EC_USERNAME": "terra", "EC_PASSWORD": "form"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start with none of the variables set."""
    for name in (*ECCTL, *TERRAFORM, "EC_API_KEY", "EC_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def set_all(environment: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Set these variables."""
    for name, value in variables.items():
        environment.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "url", "credentials"),
    [
        (ECCTL, "https://h:12443", Password("admin", "secret")),
        (TERRAFORM, "https://t", Password("terra", "form")),
        ({**TERRAFORM, **ECCTL}, "https://h:12443", Password("admin", "secret")),
        ({**TERRAFORM, "EC_USER": "admin", "EC_HOST": ""}, "https://t", Password("admin", "form")),
        ({**ECCTL, "EC_API_KEY": "key"}, "https://h:12443", ApiKey("key")),
        ({**ECCTL, "EC_API_KEY": "key", "EC_PASS": "x\n"}, "https://h:12443", ApiKey("key")),
        ({**ECCTL, "EC_HOST": " ece:12443\n"}, "https://ece:12443", Password("admin", "secret")),
        ({**ECCTL, "EC_HOST": "http://[::1]"}, "http://[::1]", Password("admin", "secret")),
    ],
    ids=range(8),
)
def test_what_the_variables_hold(
    environment: pytest.MonkeyPatch, variables: dict[str, str], url: str, credentials: object
) -> None:
    """The second names count where the first are absent; a key wins; https where none is said."""
    set_all(environment, variables)
    found = read_environment()
    assert (found.url, found.credentials, found.ca_file) == (url, credentials, None)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EC_USER": "a", "EC_PASS": "b"}, "EC_HOST is not set"),
        ({**ECCTL, "EC_HOST": ""}, "EC_HOST is not set"),
        ({**ECCTL, "EC_USER": ""}, "EC_API_KEY nor both of EC_USER"),
        ({**ECCTL, "EC_PASS": ""}, "EC_API_KEY nor both of EC_USER"),
        ({**ECCTL, "EC_PASS": f"{PLANTED}\n"}, "EC_PASS has a line break"),
        ({**ECCTL, "EC_USER": f"{PLANTED}\r"}, "EC_USER has a line break"),
        ({**ECCTL, "EC_PASS": f"\ufeff{PLANTED}"}, "EC_PASS begins with a byte order mark"),
        ({**TERRAFORM, "EC_PASSWORD": f"{PLANTED}\r\n"}, "EC_PASSWORD has a line break"),
        ({**ECCTL, "EC_API_KEY": f"{PLANTED}\n"}, "EC_API_KEY has a line break"),
        ({**ECCTL, "EC_API_KEY": f"{PLANTED} x"}, "EC_API_KEY has characters other than"),
        ({**ECCTL, "EC_HOST": "http://ece.example.com"}, "clear text"),
        ({**ECCTL, "EC_CA_FILE": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
    ],
    ids=range(12),
)
def test_what_cannot_work_is_told_by_the_variable_s_name(
    environment: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    """A mounted secret ends in a newline more often than not; it stands in no traceback."""
    set_all(environment, variables)
    with pytest.raises(ConfigurationError, match=said) as caught:
        CloudSession.from_environment()
    if PLANTED in str(variables):
        trace = caught.value.__traceback__
        frames = traceback.TracebackException(
            ConfigurationError,
            caught.value,
            trace and trace.tb_next,  # without the test's own
            capture_locals=True,
        )
        shown = "".join(frames.format())
        assert "in read_environment" in shown
        assert PLANTED not in shown


async def test_a_session_from_the_environment_trusts_the_named_authority(
    environment: pytest.MonkeyPatch,
) -> None:
    """Options are the constructor's, and a subclass is made as itself; `ssl=` wins."""

    class Ours(CloudSession):
        pass

    async with CloudServer(tls=True) as server:
        set_all(environment, {**ECCTL, "EC_HOST": server.url, "EC_CA_FILE": str(server.ca_file)})
        async with Ours.from_environment(headers={"X-A": "1"}) as cloud:
            assert type(cloud) is Ours
            async with cloud.get("/x") as response:
                assert (await response.json())["user"] == "admin"
            assert server.log[-1].headers["X-A"] == "1"
        environment.setenv("EC_CA_FILE", "/nowhere/ca.pem")
        async with Ours.from_environment(ssl=False) as cloud:
            assert cloud.token is not None
