"""What a call gives: the answer's JSON as it came, or a typed error."""

from __future__ import annotations

import asyncio
import io
import math
import pickle
import tempfile
import traceback
from typing import IO, TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, web

from aiocloudauth import (
    ApiError,
    ApiKey,
    CloudSession,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    ServerError,
    SessionClosedError,
)
from aiocloudauth.api import Api, ApiResponse, Call
from aiocloudauth.api.answers import UNUSABLE, read
from aiocloudauth.api.table import table
from tests.api.described import Described, Scripted, session_with

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = "application/json"
OBJECT, ARRAY = "get_deployment", "get_deployment_templates_v2"
BYTES, TEXT = "download_deployment_instance_heap_dump", "set_deployment_resource_raw_metadata"
PROXY = "get_deployment_resource_proxy_requests"
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("name", "media_type", "body", "value"),
    [
        (OBJECT, JSON, b'{"id": null, "more": [1]}', {"id": None, "more": [1]}),
        (OBJECT, "text/plain", b'\xef\xbb\xbf{"a": "\xc3\xbc"}', {"a": "\u00fc"}),
        (OBJECT, JSON, b" \r\n", {}),
        (OBJECT, "", b"", {}),
        (OBJECT, JSON, b"null", {}),
        (OBJECT, JSON, b'{"errors": []}', {"errors": []}),
        (OBJECT, JSON, b'{"a": 1, "a": 2}', {"a": 2}),
        (OBJECT, JSON, b'{"a": Infinity}', {"a": math.inf}),
        (OBJECT, "application/zip", b"PK\xff", b"PK\xff"),
        (OBJECT, "application/octet-stream", b"", b""),
        (ARRAY, JSON, b"[{}]", [{}]),
        (ARRAY, JSON, b"", None),
        (ARRAY, JSON, b"null", None),
        (TEXT, JSON, b'"said"', "said"),
        (TEXT, JSON, b'{"raw": 1}', {"raw": 1}),
        (TEXT, "text/plain", b"said", "said"),
        (TEXT, "text/plain", b"", None),
        (BYTES, "text/plain", b"heap \xff", b"heap \xff"),
        (BYTES, JSON, b'"YQ=="', b'"YQ=="'),
        (BYTES, "", b"", b""),
        (PROXY, JSON, b"[1, 2]", [1, 2]),
        (PROXY, "text/plain", b"green open", "green open"),
        (PROXY, "application/x-ndjson", b"{}\n{}\n", "{}\n{}\n"),
        ("get_costs_deployments", "text/csv", b"a,b\n1,2\n", "a,b\n1,2\n"),
    ],
)
def test_a_good_answer_is_given_as_it_came(
    name: str, media_type: str, body: bytes, value: object
) -> None:
    """JSON, bytes where a file is described or sent, text where nothing else is."""
    assert read(table()[name], media_type, None, body) == (value, "")


@pytest.mark.parametrize(
    ("name", "media_type", "body"),
    [
        (OBJECT, "text/html", b"<html>Log in</html>"),
        (OBJECT, "text/html", b""),
        (BYTES, "text/html", b"<html>"),
        (PROXY, "application/xhtml+xml", b"<html/>"),
        (OBJECT, JSON, b"[]"),
        (OBJECT, JSON, b'"text"'),
        (OBJECT, "text/plain", b"starting up"),
        (OBJECT, JSON, b'{"id": "trunc'),
        (OBJECT, JSON, b"\xff\xfe{}"),
        (OBJECT, JSON, b'{"a": ' + b"9" * 5_000 + b"}"),
        (OBJECT, JSON, DEEP),
        (ARRAY, JSON, b"{}"),
        (TEXT, JSON, b"said"),
        (TEXT, "text/plain", b"\xff"),
        (PROXY, JSON, DEEP),
        (PROXY, "application/vnd.elasticsearch+json", b"{"),
    ],
)
def test_an_answer_that_is_not_what_is_described_is_none(
    name: str, media_type: str, body: bytes
) -> None:
    """As a whole: no field is looked at."""
    value, problem = read(table()[name], media_type, None, body)
    assert value is UNUSABLE
    assert problem


def test_text_is_read_by_its_charset() -> None:
    """If it has one that is known."""
    row = table()[PROXY]
    assert read(row, "text/plain", "latin-1", b"\xfc")[0] == "\u00fc"
    assert read(row, "text/plain", "no-such-charset", b"a")[0] is UNUSABLE


# -- through a session ----------------------------------------------------------------------


async def test_data_and_response() -> None:
    """The status, the header fields whatever their case, and the version, if there is one."""
    async with session_with(Described()) as cloud:
        data, response = await cloud.api.get_deployment("d").with_response()
        assert data["id"] == "text"
        assert (response.status, response.version) == (200, "12")
        assert response.headers["X-Cloud-Resource-Version"] == "12"
    async with session_with(Scripted.always("{}", status=202)) as cloud:
        empty, response = await cloud.api.get_deployment("d").with_response()
        assert not empty
        assert (response.status, response.version) == (202, None)


async def test_a_call_is_fit_for_tasks() -> None:
    """Calls in a `TaskGroup`, in `gather`, with a limit of time; each is awaited once."""
    async with session_with(Described()) as cloud:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cloud.api.get_deployment(str(n))) for n in range(5)]
            pair = group.create_task(cloud.api.get_deployment("d").with_response())
        assert {task.result()["id"] for task in tasks} == {"text"}
        assert pair.result()[1].status == 200
        gathered = await asyncio.gather(cloud.api.list_deployments(), cloud.api.get_deployment("d"))
        assert gathered[1]["id"] == "text"
        call = cloud.api.get_deployment("d")
        await asyncio.wait_for(call, 10)
        with pytest.raises(RuntimeError):
            await call
        cloud.api.get_deployment("d").close()  # given up, without a warning


async def test_a_call_is_cancelled_and_timed_out_as_a_request_is() -> None:
    """In a task, and by its own time."""
    arrived = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with session_with(Scripted(hang)) as cloud:
        task = asyncio.create_task(cloud.api.get_deployment("d"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            await cloud.api.get_deployment("d", timeout=0.05)


async def test_the_close_ends_a_call_whose_answer_is_being_read() -> None:
    """Of itself aiohttp leaves who reads a body waiting."""
    begun = asyncio.Event()

    async def tell(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        response = await handler(request)
        begun.set()
        return response

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "9"})
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        raise AssertionError

    async with session_with(Scripted(reply), middlewares=[tell]) as cloud:
        call = asyncio.create_task(cloud.api.get_deployment("d"))
        await begun.wait()
        await cloud.close()
        with pytest.raises(SessionClosedError):
            await asyncio.wait_for(call, 5)


@pytest.mark.parametrize("pause", [False, True])
async def test_a_call_that_is_cancelled_may_still_end_well(pause: bool) -> None:  # noqa: FBT001 - a parameter
    """As with any coroutine: at once, or after what it has to put away."""

    async def request() -> tuple[str, ApiResponse]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if pause:
                await asyncio.sleep(0)
        return "data", ApiResponse(200, {})

    task = asyncio.create_task(Call(request()))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "data"


def shown(error: BaseException) -> str:
    """Return our local variables, as a traceback that shows them prints them."""
    ours = [
        frame.f_locals
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].startswith("aiocloudauth.")
    ]
    assert ours
    return repr(ours)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("<html>secret</html>", "text/html"), ("[]", JSON), ('{"id": "secret', JSON), (DEEP, JSON)],
    ids=["html", "array", "truncated", "deep"],
)
async def test_an_unusable_answer_is_a_typed_error(body: str | bytes, content_type: str) -> None:
    """It says where, and holds nothing of the body."""
    async with session_with(Scripted.always(body, content_type)) as cloud:
        with pytest.raises(InvalidResponseError) as raised:
            await cloud.api.get_deployment("d", show_plans=True)
        assert "GET http://127.0.0.1:" in str(raised.value)
        assert "show_plans" not in str(raised.value)  # a query may hold what nobody should see
        assert raised.value.problems
        assert "secret" not in shown(raised.value)
        assert pickle.loads(pickle.dumps(raised.value)).problems == raised.value.problems
        assert raised.value.retryable is (content_type == JSON)  # no retry makes a page an answer


async def test_a_body_that_breaks_off_stays_aiohttps_error() -> None:
    """As with any request of the caller's own."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"id"')
        assert request.transport
        request.transport.close()
        return response

    async with session_with(Scripted(reply)) as cloud:
        with pytest.raises(aiohttp.ClientPayloadError):
            await cloud.api.get_deployment("d")


@pytest.mark.parametrize(
    ("status", "body", "value"), [(204, b"", {}), (200, b"", {}), (200, b'{"a": 1}', {"a": 1})]
)
async def test_an_answer_that_names_no_media_type_is_no_file(
    status: int, body: bytes, value: object
) -> None:
    """For aiohttp it is ``application/octet-stream``; here it is what is described."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": ""})

    async with session_with(Scripted(reply)) as cloud:
        assert await cloud.api.get_deployment("d") == value


async def test_two_megabytes_of_plan_log_are_read() -> None:
    """Nothing bounds an answer that was asked for."""
    async with session_with(Scripted.always('{"log": "' + "x" * 2_000_000 + '"}')) as cloud:
        answer: Any = await cloud.api.get_deployment("d", show_plan_logs=True)
        assert len(answer["log"]) == 2_000_000


ERRORS = '{"errors": [{"code": "%s", "message": "no"}]}'


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("controller_route.controller_not_ready", ServerError),
        ("deployments.version_conflict", ConflictError),
        ("something.else", ApiError),
    ],
)
async def test_a_good_status_with_errors_is_an_error(code: str, expected: type[ApiError]) -> None:
    """By its code, since the status says nothing."""
    async with session_with(Scripted.always(ERRORS % code)) as cloud:
        for call in (
            cloud.api.get_deployment("d"),
            cloud.api.get_deployment_templates_v2(region="r"),
            cloud.api.download_deployment_instance_heap_dump("d", "elasticsearch", "r", "i"),
        ):
            with pytest.raises(expected) as raised:
                await call
            assert (raised.value.status, raised.value.codes) == (200, (code,))


async def test_an_empty_list_of_errors_is_none() -> None:
    """Nothing went wrong."""
    async with session_with(Scripted.always('{"errors": []}')) as cloud:
        answer: Any = await cloud.api.get_deployment("d")
        assert answer == {"errors": []}


async def test_errors_that_belong_to_the_answer_are_data() -> None:
    """An upload of several stack packs may succeed in part."""
    async with session_with(Scripted.always(ERRORS % "stackpack.bad")) as cloud:
        answer = await cloud.api.update_stack_packs(file=io.BytesIO(b"zip"))
        assert answer["errors"]


async def test_a_temporary_file_that_nobody_holds_is_sent() -> None:
    """By itself it closes as soon as it is forgotten."""

    def written() -> IO[bytes]:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - for whom it is made
        file.write(b"zip")
        file.seek(0)
        return file

    async def reply(request: web.Request) -> web.StreamResponse:
        assert b"zip" in await request.read()
        return web.json_response({})

    async with session_with(Scripted(reply)) as cloud:
        answer: Any = await cloud.api.update_stack_packs(file=written())
        assert answer == {}


async def test_a_refusal_is_raised_whatever_the_session_does_with_requests() -> None:
    """Also where the session's own requests hand out answers of 400 and more."""
    server = Scripted.always(ERRORS % "deployments.deployment_not_found", status=404)
    for options in ({}, {"raise_for_status": False}):
        async with session_with(server, **options) as cloud:
            with pytest.raises(NotFoundError) as raised:
                await cloud.api.get_deployment("d")
            assert raised.value.codes == ("deployments.deployment_not_found",)


async def test_a_redirect_is_followed_nowhere() -> None:
    """Where one is described it is the answer, which has no data; else the URL is wrong."""

    async def reply(request: web.Request) -> web.StreamResponse:
        headers = {"Location": f"{request.path}/secret/followed", "Content-Type": "text/html"}
        return web.Response(status=302, headers=headers)

    server = Scripted(reply)
    async with session_with(server) as cloud:
        nothing, response = await cloud.api.saml_init().with_response()
        assert (nothing, response.status) == (None, 302)
        assert response.headers["Location"].endswith("/followed")
        with pytest.raises(InvalidResponseError, match="redirect") as raised:
            await cloud.api.create_deployment(body={"name": "d"})
        assert "secret" not in shown(raised.value)
        assert raised.value.retryable  # as at a login: a proxy may point elsewhere for a while
    assert not [line for line in server.asked if "followed" in line]


async def test_a_closed_session_sends_nothing() -> None:
    """Nor does one that was never opened."""
    cloud = CloudSession("https://ece.example.com", ApiKey("key"))
    with pytest.raises(SessionClosedError):
        await cloud.api.list_deployments()
    async with session_with(Described()) as cloud:
        pass
    with pytest.raises(SessionClosedError):
        await cloud.api.list_deployments()


# -- the other platform ---------------------------------------------------------------------


def _answers_404(url: str, codes: tuple[str, ...]) -> Callable[..., Any]:
    class Failing:
        async def __aenter__(self) -> None:
            raise NotFoundError("not found", status=404, codes=codes, url=url, method="GET")

        async def __aexit__(self, *_: object) -> None:
            """Leave."""

    return lambda *_, **__: Failing()


@pytest.mark.parametrize(
    ("url", "name", "codes", "noted"),
    [
        ("https://ece.example.com/api/v1/x", "list_organizations", (), "hosted"),
        ("https://api.elastic-cloud.com/api/v1/x", "get_runners", (), "ECE"),
        ("https://ece.example.com/api/v1/x", "get_runners", (), ""),
        ("https://api.elastic-cloud.com/api/v1/x", "list_organizations", (), ""),
        ("https://api.elastic-cloud.com/api/v1/x", "get_runners", ("runners.not_found",), ""),
        ("https://ece.example.com/api/v1/x", "list_deployments", (), ""),
    ],
)
async def test_a_404_of_the_other_platform_says_where_the_operation_exists(
    url: str, name: str, codes: tuple[str, ...], noted: str
) -> None:
    """It is sent all the same; a 404 with a code is about a resource."""
    api = Api(_answers_404(url, codes), ClientResponse.read, lambda *_: ApiError())
    with pytest.raises(NotFoundError) as raised:
        await api.operation(name)()
    assert ("exists" in str(raised.value)) is bool(noted)
    assert noted in str(raised.value)
    assert (raised.value.status, raised.value.url, raised.value.codes) == (404, url, codes)
