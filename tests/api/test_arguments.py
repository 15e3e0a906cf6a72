"""What may be passed to an operation, what is refused before anything is sent, and what is sent."""

from __future__ import annotations

import io
import tempfile
from datetime import timedelta
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest
from aiohttp import ClientTimeout

from aiocloudauth import ConfigurationError
from aiocloudauth.api import Api
from aiocloudauth.api.arguments import request_for
from aiocloudauth.api.table import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from yarl import URL


def never(*_: object, **__: object) -> NoReturn:
    """Fail: nothing may be sent."""
    raise AssertionError("something was sent")


class Sent(NamedTuple):
    """Where a call is sent, and aiohttp's keywords for it."""

    url: URL
    options: dict[str, Any]


def request(name: str, *given: object, **named: object) -> Sent:
    """Return the request of a call."""
    return Sent(*request_for(name, table()[name], given, named))


def refused(name: str, *given: object, **named: object) -> str:
    """Return the message of a call that is refused as it is made, before it is awaited."""
    with pytest.raises(ConfigurationError) as raised:
        Api(never, never, never).operation(name)(*given, **named)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None  # it would hold the value
    return str(raised.value)


class Kind(str, Enum):  # noqa: UP042 - the older way, which says its name as a string
    """A `str` that prints otherwise."""

    KIBANA = "kibana"
    OTHER = "other"


class Newer(StrEnum):
    """The way since Python 3.11."""

    KIBANA = "kibana"


class Plain(Enum):
    """No `str`."""

    KIBANA = "kibana"


class Number(IntEnum):
    """An `int` that prints otherwise."""

    TWO = 2


# -- names --------------------------------------------------------------------------------


def test_an_unknown_operation_names_its_nearest() -> None:
    """A typing error is found at once."""
    api = Api(never, never, never)
    with pytest.raises(AttributeError, match="get_deployment"):
        api.get_deploymnet  # type: ignore[attr-defined]  # noqa: B018 - that is the point
    with pytest.raises(AttributeError, match="get_deployment"):
        api.operation("get-deploymnet")
    assert not hasattr(api, "_private")
    assert not hasattr(api, "__deepcopy__")


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        ((), {}, "deployment_id"),
        ((None,), {}, "deployment_id"),
        (("a", True), {}, "by position"),
        (("a",), {"deployment_id": "a"}, "twice"),
        (("a",), {"show_plan": True}, "show_plans"),
        (("a",), {"show_plan": None}, "show_plans"),
        (("a",), {"body": {}}, "no argument 'body'"),
        (("a",), {"region": "r"}, "no argument 'region'"),
        (("a",), {"show_plans": "true"}, "must be a bool"),
        (("a",), {"show_plans": 1}, "must be a bool"),
        (("a",), {"show_system_alerts": True}, "must be an int"),
        (("a",), {"show_system_alerts": "5"}, "must be an int"),
        (("a",), {"show_system_alerts": 5.0}, "must be an int"),
        (("a",), {"show_system_alerts": 2**63}, "64 bits"),
        ((7,), {}, "must be a str"),
        ((b"a",), {}, "must be a str"),
        (("a\ud800",), {}, "UTF-8"),
    ],
)
def test_a_wrong_argument_is_refused_and_named(
    given: tuple[object, ...], named: dict[str, object], said: str
) -> None:
    """Unknown, missing, given twice, of the wrong type."""
    message = refused("get_deployment", *given, **named)
    assert message.startswith("get_deployment()")
    assert said in message


@pytest.mark.parametrize("kind", [Kind.OTHER, "Kibana", "", Plain.KIBANA, 1])
def test_a_value_outside_its_enum_is_refused(kind: object) -> None:
    """The message has what is allowed."""
    message = refused("cancel_deployment_resource_pending_plan", "d", kind, "r")
    assert "resource_kind" in message


@pytest.mark.parametrize("kind", [Kind.KIBANA, Newer.KIBANA, "kibana"])
def test_an_enum_of_strings_is_its_value(kind: str) -> None:
    """However it prints."""
    sent = request("cancel_deployment_resource_pending_plan", "d", kind, "r")
    assert sent.url.raw_path == "/deployments/d/kibana/r/plan/pending"


def test_none_is_left_out_and_defaults_are_never_sent() -> None:
    """Elastic documents a default for `mode` that its own enum does not have."""
    kept = request("get_deployment", "d", show_plans=True, show_metadata=False, timeout=None)
    assert kept.url.query == {"show_plans": "true", "show_metadata": "false"}
    kept = request("get_deployment", "d", show_plans=None, show_metadata=False, timeout=None)
    assert str(kept.url) == "/deployments/d?show_metadata=false"
    assert "timeout" not in kept.options
    kept = request("capture_deployment_resource_diagnostics", "d", "kibana", "r")
    assert not kept.url.raw_query_string


def test_integers_are_sent_as_digits() -> None:
    """An enum of integers too."""
    query = request("get_allocators", size=Number.TWO, from_=2**63 - 1).url.query
    assert query == {"size": "2", "from": "9223372036854775807"}


@pytest.mark.parametrize("value", ["a b+c", "a&size=1", "ü/?#%2e=;", "", "x" * 5000])
def test_a_value_of_the_query_is_one_value(value: str) -> None:
    """Whatever it holds."""
    assert request("get_allocators", q=value, size=2).url.query == {"q": value, "size": "2"}


@pytest.mark.parametrize("name", ["update_deployment", "set_instance_configuration"])
@pytest.mark.parametrize("version", [3, "3"])
def test_a_version_is_a_number_or_what_an_answer_said(name: str, version: object) -> None:
    """The description has both; `response.version` is a `str`."""
    assert request(name, "d", version=version, body={}).url.query == {"version": "3"}
    assert "must be a str or an int" in refused(name, "d", version=True, body={})


# -- the path -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("plain-1_2~x", "plain-1_2~x"),
        ("a/b", "a%2Fb"),
        ("a b?c#d%2e", "a%20b%3Fc%23d%252e"),
        ("ü:@", "%C3%BC%3A%40"),
        ("...", "..."),
    ],
)
def test_a_value_is_one_segment_of_the_path(value: str, segment: str) -> None:
    """Whatever it holds."""
    sent = request("get_deployment", value)
    assert str(sent.url) == f"/deployments/{segment}"


@pytest.mark.parametrize("value", ["", ".", "..", "../x", "a/../b", "a\\.."])
def test_a_value_that_would_name_another_path_is_refused(value: str) -> None:
    """An escaped dot segment is one to many servers."""
    assert "deployment_id" in refused("delete_deployment", value)
    assert "region" in refused("get_runners", region=value)


def test_a_list_is_joined_by_commas() -> None:
    """As the description has it."""
    sent = request("stop_deployment_resource_instances", "d", "kibana", "r", ["a b", "c"])
    assert sent.url.path == "/deployments/d/kibana/r/instances/a b,c/_stop"


@pytest.mark.parametrize("value", [["a,b"], [""], [], "ab", ["a", 1], [".."], {"a"}])
def test_a_list_that_would_read_otherwise_is_refused(value: object) -> None:
    """An item with a comma reads as two; a string is no list of its letters."""
    message = refused("stop_deployment_resource_instances", "d", "kibana", "r", value)
    assert "instance_ids" in message


@pytest.mark.parametrize(
    ("piece", "sent"),
    [
        ("_cat/indices?v&h=index", "_cat/indices?v&h=index"),
        ("/_search", "_search"),
        ("/", ""),
        ("a b/_doc/1?q=x y", "a%20b/_doc/1?q=x%20y"),
        ("%3Cdate-%7Bnow%2Fd%7D%3E/_search?q=a%2Bb", "%3Cdate-%7Bnow%2Fd%7D%3E/_search?q=a%2Bb"),
        ("100%/ü#1", "100%25/%C3%BC%231"),
        ("x?a=b/../c?d", "x?a=b/../c?d"),
    ],
)
def test_a_proxy_path_keeps_its_slashes_and_its_query(piece: str, sent: str) -> None:
    """It is a piece of a URL; what cannot stand in one is escaped."""
    url = request("get_deployment_resource_proxy_requests", "d", "kibana", "r", piece).url
    assert str(url) == f"/deployments/d/kibana/r/proxy/{sent}"


@pytest.mark.parametrize("piece", ["", "..", "a/../../b", "%2e%2E/x", "a\\..\\b", "./x"])
def test_a_proxy_path_cannot_leave_its_proxy(piece: str) -> None:
    """Nor be nothing at all."""
    message = refused("get_deployment_resource_proxy_requests", "d", "kibana", "r", piece)
    assert "proxy_path" in message


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("get_runners", "/platform/infrastructure/runners"),
        ("get_version_stacks", "/stack/versions"),
    ],
)
def test_a_region_goes_in_front_of_what_regions_have(name: str, path: str) -> None:
    """Its value is one segment too."""
    assert str(request(name, region="us east").url) == f"/regions/us%20east{path}"
    assert str(request(name).url) == path


def test_a_described_region_is_a_parameter_like_others() -> None:
    """Deployment templates name it in the query."""
    sent = request("get_deployment_templates_v2", region="r")
    assert str(sent.url) == "/deployments/templates?region=r"


# -- the body and the rest -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"name": "ü", "list": (1, None)}, b'{"name": "\\u00fc", "list": [1, null]}'),
        ([], b"[]"),
        ({"kind": Kind.KIBANA}, b'{"kind": "kibana"}'),
        ('{"as": "it is"}', b'{"as": "it is"}'),
        ("", b""),
        (b"\xff", b"\xff"),
    ],
)
def test_a_body_is_text_as_it_is_or_json(body: object, sent: bytes) -> None:
    """Text is never quoted."""
    options = request("create_deployment", body=body).options
    assert options["data"] == sent
    assert options["headers"] == {"Content-Type": "application/json"}


def test_text_is_sent_as_the_first_type_that_is_taken() -> None:
    """JSON, where none is described, and for all that is no text."""
    path = ("d", "elasticsearch", "r", "_bulk")
    for body, kind in [("{}\n", "application/text"), ({}, "application/json")]:
        options = request("post_deployment_resource_proxy_requests", *path, body=body).options
        assert options["headers"]["Content-Type"] == kind


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "body",
    [{"a": float("nan")}, [float("inf")], {"a": object()}, {"a": {1}}, {(1, 2): 3}, "\ud800"],
)
def test_a_body_that_is_no_json_is_refused(body: object) -> None:
    """What it holds is not quoted."""
    assert "body" in refused("create_deployment", body=body)


@pytest.mark.parametrize("make", [_circle, _deep])
def test_a_body_without_an_end_is_refused(make: Callable[[], object]) -> None:
    """A circle, and more levels than can be written."""
    assert "body" in refused("create_deployment", body=make())


def test_a_body_that_must_be_there() -> None:
    """And one that need not."""
    assert "needs body" in refused("create_deployment")
    assert "data" not in request("search_deployments").options


def test_no_type_is_named_for_no_body() -> None:
    """By itself aiohttp names one for every POST, which a server that wants JSON may refuse."""
    assert "Content-Type" in request("search_deployments").options["skip_auto_headers"]


def test_a_file_is_an_open_file_of_bytes() -> None:
    """A path or a text is no file, nor is one that cannot be read."""

    class Wrapping(io.BytesIO):
        file = io.BytesIO(b"what it reads from")

    content = Wrapping(b"x")
    assert request("upload_extension", "e", file=content).options["data"] == {"file": content}
    with tempfile.NamedTemporaryFile() as named:  # which is no file, but has one
        assert request("upload_extension", "e", file=named).options["data"] == {"file": named.file}
    closed = io.BytesIO()
    closed.close()
    with tempfile.TemporaryFile("ab") as written:
        for wrong in ("/etc/hosts", b"x", io.StringIO("x"), closed, written):
            assert "file" in refused("upload_extension", "e", file=wrong)
    assert "needs file" in refused("update_stack_packs")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\0", "a\n"])
def test_a_header_field_cannot_hold_another(value: str) -> None:
    """Nor anything that does not print."""
    path = ("d", "kibana", "r", "x")
    message = refused("get_deployment_resource_proxy_requests", *path, x_management_request=value)
    assert "x_management_request" in message


@pytest.mark.parametrize("timeout", [5, 5.0, timedelta(seconds=5), ClientTimeout(total=5)])
def test_a_call_has_a_time_of_its_own(timeout: object) -> None:
    """Seconds, a `timedelta` or aiohttp's own."""
    assert request("get_deployment", "d", timeout=timeout).options["timeout"].total == 5


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "5", timedelta(0)])
def test_a_time_that_is_none_is_refused(timeout: object) -> None:
    """Not rounded, not ignored."""
    assert "timeout" in refused("get_deployment", "d", timeout=timeout)
