"""What older ECE versions do otherwise."""

from __future__ import annotations

import aiohttp
import pytest

from aiocloudauth.testing import CloudServer, ClusterError, Fault, NoCluster, User
from tests.calls import ADMIN, basic

AUTH = "/api/v1/users/auth"


async def token_answer(http: aiohttp.ClientSession) -> tuple[dict[str, object], str | None]:
    """Log in; return the answer and the cookie."""
    async with http.post(f"{AUTH}/_login", json=ADMIN) as answer:
        return await answer.json(), answer.headers.get("Set-Cookie")


@pytest.mark.parametrize("version", ["3.6", "2.1"])
async def test_before_3_7_a_token_comes_without_its_expiry(version: str) -> None:
    """`session_expiration_time` exists since ECE 3.7."""
    async with CloudServer(version=version) as server, aiohttp.ClientSession(server.url) as http:
        document, _ = await token_answer(http)
        assert list(document) == ["token"]
        headers = {"Authorization": f"Bearer {document['token']}"}
        async with http.post(f"{AUTH}/_refresh", headers=headers) as answer:
            assert list(await answer.json()) == ["token"]
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.8", {"has_elevated_permissions", "refresh_token_url", "expires_at"}),
        ("3.6", {"has_elevated_permissions", "refresh_token_url", "expires_at"}),
        ("2.1", {"has_elevated_permissions", "has_totp_device", "totp_device_source"}),
    ],
)
async def test_users_auth_tells_what_the_version_knows(version: str, expected: set[str]) -> None:
    """`expires_at` since 2.7, `refresh_token_url` since 2.5, TOTP required until 3.3."""
    async with CloudServer(version=version) as server, aiohttp.ClientSession(server.url) as http:
        document, _ = await token_answer(http)
        headers = {"Authorization": f"Bearer {document['token']}"}
        async with http.get(AUTH, headers=headers) as answer:
            assert set(await answer.json()) == expected


async def test_2_1_lists_no_single_sign_on_methods() -> None:
    """`openid` and `sso_methods` exist since 2.5."""
    async with (
        CloudServer(version="2.1") as server,
        aiohttp.ClientSession(server.url) as http,
        http.get(f"{AUTH}/methods") as answer,
    ):
        assert await answer.json() == {"password": True, "saml": True}


async def test_up_to_3_6_a_session_has_a_cookie_that_logs_out() -> None:
    """`_logout` once wanted `ec-sso-session-id`; on 3.8 there is none."""
    async with CloudServer() as server, aiohttp.ClientSession(server.url) as http:
        assert (await token_answer(http))[1] is None
    jar = aiohttp.DummyCookieJar()
    async with (
        CloudServer(version="3.6") as server,
        aiohttp.ClientSession(server.url, cookie_jar=jar) as http,
    ):
        document, set_cookie = await token_answer(http)
        assert set_cookie is not None
        cookie = set_cookie.partition(";")[0]
        assert cookie.startswith("ec-sso-session-id=")
        headers = {"Authorization": f"Bearer {document['token']}"}
        for sent, logouts in (("", 0), ("ec-sso-session-id=other", 0), (cookie, 1), (cookie, 1)):
            async with http.post(f"{AUTH}/_logout", headers={"Cookie": sent}) as answer:
                assert answer.status == 200
            assert server.stats.logouts == logouts
        async with http.get(AUTH, headers=headers) as answer:
            assert answer.status == 401


async def test_2_1_has_no_logout() -> None:
    """It came with 2.6: before, the path is one like any other."""
    async with (
        CloudServer(version="2.1") as server,
        aiohttp.ClientSession(server.url) as http,
        http.post(f"{AUTH}/_logout") as answer,
    ):
        assert answer.status == 401


async def test_up_to_3_6_writing_below_some_paths_takes_elevated_permissions() -> None:
    """449 `root.unauthorized.rbac.elevated_permissions_required`: elevate, do not retry."""
    users: dict[str, str | User] = {"admin": "secret", "root": User("secret", elevated=True)}
    for version, header in (("3.6", True), ("2.1", False)):
        async with (
            CloudServer(users, version=version, elevated_paths=["/platform", "/x"]) as server,
            aiohttp.ClientSession(server.url, headers=basic("admin", "secret")) as http,
        ):
            for method, path, expected in (
                ("GET", "/platform/x", 200),
                ("POST", "/platform", 449),
                ("POST", "/platform/x", 449),
                ("PUT", "/x/y", 449),
                ("POST", "/platformx", 200),
            ):
                async with http.request(method, f"/api/v1{path}") as answer:
                    assert answer.status == expected
                    if expected == 449:
                        code = "root.unauthorized.rbac.elevated_permissions_required"
                        assert (await answer.json())["errors"][0]["code"] == code
                        named = answer.headers.get("x-cloud-error-codes")
                        assert named == (code if header else None)
            async with http.post("/api/v1/platform", headers=basic("root", "secret")) as answer:
                assert answer.status == 200
    async with (
        CloudServer() as server,
        aiohttp.ClientSession(server.url, headers=basic("admin", "secret")) as http,
        http.post("/api/v1/platform") as answer,
    ):
        assert answer.status == 200


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("3.8", 502, "authc.authentication_cluster_error"),
        ("3.6", 502, "authc.authentication_cluster_error"),
        ("2.1", 503, None),
    ],
)
async def test_a_failing_authentication_cluster_looks_as_it_did(
    version: str, status: int, code: str | None
) -> None:
    """502 with its code; 503 without on ECE 2.1."""
    fault = Fault("_refresh", ClusterError())
    async with (
        CloudServer(version=version, faults=[fault]) as server,
        aiohttp.ClientSession(server.url) as http,
        http.post(f"{AUTH}/_refresh") as answer,
    ):
        assert answer.status == status
        assert answer.headers.get("x-cloud-error-codes") == code
        body = await answer.json()
        assert ("errors" in body) is (code is not None)


async def test_2_1_repeats_no_codes_in_a_header() -> None:
    """The header came with 2.4; the codes stood in the body before."""
    async with (
        CloudServer(version="2.1", faults=[Fault("_login", NoCluster())]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        for path, expected in (
            ("/api/v1/users/auth/_login", "authc.no_authentication_cluster"),
            ("/elsewhere", "root.resource_not_found"),
        ):
            async with http.post(path) as answer:
                assert "x-cloud-error-codes" not in answer.headers
                assert (await answer.json())["errors"][0]["code"] == expected


async def test_before_3_7_keys_do_not_end_and_before_3_8_they_have_no_roles() -> None:
    """Both are refused as the unknown input they are, and never answered."""
    async with (
        CloudServer(version="3.6") as server,
        aiohttp.ClientSession(server.url, headers=basic("admin", "secret")) as http,
    ):
        unknown: tuple[dict[str, object], ...] = ({"expiration": "1d"}, {"role_assignments": {}})
        for extra in unknown:
            async with http.post(f"{AUTH}/keys", json={"description": "x"} | extra) as answer:
                assert answer.status == 400
        async with http.post(f"{AUTH}/keys", json={"description": "x"}) as answer:
            assert set(await answer.json()) == {
                "id",
                "user_id",
                "description",
                "creation_date",
                "key",
            }
