"""What a notebook shows of a session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from aiocloudauth import ApiKey, CloudSession, Password
from aiocloudauth.testing import CloudServer, Fault, ManualClock, Status

if TYPE_CHECKING:
    from aiocloudauth import Credentials


def shown(cloud: CloudSession) -> dict[str, str]:
    """Return the rows of the table."""
    return dict(re.findall(r"<th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td>", cloud._repr_html_()))


async def test_the_table_follows_the_session() -> None:
    """New, active, renewed, degraded, closed."""
    clock = ManualClock()
    async with CloudServer(clock=clock) as server:
        cloud = CloudSession(server.url, Password("admin", "secret"), clock=clock)
        new = shown(cloud)
        assert (new["state"], new["time left"], new["renewals"]) == ("new", "", "0")
        await clock.drive(cloud.open())
        assert shown(cloud) == {
            "host": server.url.removeprefix("http://"),
            "user": "admin",
            "state": "active",
            "time left": "0:20:00",
            "renewals": "0",
            "last error": "",
        }
        await clock.advance(60)
        assert shown(cloud)["time left"] == "0:19:00"
        await clock.drive(cloud.refresh())
        assert shown(cloud)["renewals"] == "1"
        await clock.advance(60)
        server.script(Fault("/users/auth/_refresh", Status(503, "auth.busy")))
        with pytest.raises(Exception, match="503"):
            await clock.drive(cloud.refresh())
        degraded = shown(cloud)
        assert degraded["state"] == "degraded"
        assert "auth.busy" in degraded["last error"]
        await clock.drive(cloud.close())
        assert shown(cloud)["state"] == "closed"


@pytest.mark.parametrize(
    ("credentials", "user"),
    [
        (Password("<b>admin</b>", "s3cret"), "&lt;b&gt;admin&lt;/b&gt;"),
        (ApiKey("s3cret"), "ApiKey"),
    ],
    ids=["markup in a name", "a key has none"],
)
def test_a_name_is_text_and_a_secret_is_not_shown(credentials: Credentials, user: str) -> None:
    """Whoever reads the saved notebook may know the user, and no more."""
    cloud = CloudSession("https://ece.example.com", credentials)
    assert f">{user}<" in cloud._repr_html_()
    assert "s3cret" not in cloud._repr_html_()
