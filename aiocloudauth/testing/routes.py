"""Which operation a request is for, and who may call it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from attrs import frozen

from aiocloudauth.testing import key_operations as keys
from aiocloudauth.testing import operations as ops
from aiocloudauth.testing import saml
from aiocloudauth.testing.answers import Answer, failure, json_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiocloudauth.testing.call import Call
    from aiocloudauth.testing.realm import Realm
    from aiocloudauth.testing.versions import Version

    Operation = Callable[[Realm, Call], Awaitable[Answer]]

__all__ = ["Route", "perform", "route_for"]


@frozen(kw_only=True)
class Route:
    """One path of the API: its operations by method, and what guards them."""

    operations: Mapping[str, Operation]

    #: Without a guard the operation makes up its own mind about the credentials.
    guarded: bool = True

    #: Whoever is signed in may call it: it concerns only themselves.
    own: bool = False


#: Every path that is not one of the tag Authentication.
_OTHER: Final = Route(operations={})

_FIXED: Final[Mapping[str, Route]] = {
    "/users/auth": Route(operations={"GET": ops.authentication_info}, own=True),
    "/users/auth/_login": Route(operations={"POST": ops.login}, guarded=False),
    "/users/auth/_logout": Route(operations={"POST": ops.logout}, guarded=False),
    "/users/auth/_refresh": Route(operations={"POST": ops.refresh}, guarded=False),
    "/users/auth/keys": Route(
        operations={
            "DELETE": keys.delete_api_keys,
            "GET": keys.get_api_keys,
            "POST": keys.create_api_key,
        },
        own=True,
    ),
    "/users/auth/keys/_all": Route(
        operations={"DELETE": keys.delete_users_api_keys, "GET": keys.get_users_api_keys}
    ),
    "/users/auth/methods": Route(operations={"GET": ops.methods}, guarded=False),
    "/users/auth/saml/_callback": Route(operations={"POST": saml.saml_callback}, guarded=False),
    "/users/auth/saml/_init": Route(operations={"GET": saml.saml_init}, guarded=False),
}

#: Paths with parts that vary, as patterns.
_VARYING: Final = tuple(
    (re.compile(pattern), route)
    for pattern, route in (
        (
            r"/users/auth/keys/(?P<api_key_id>[^/]+)",
            Route(operations={"DELETE": keys.delete_api_key, "GET": keys.get_api_key}, own=True),
        ),
        (
            r"/users/(?P<user_id>[^/]+)/auth/keys",
            Route(operations={"DELETE": keys.delete_user_api_keys, "GET": keys.get_user_api_keys}),
        ),
        (
            r"/users/(?P<user_id>[^/]+)/auth/keys/(?P<api_key_id>[^/]+)",
            Route(operations={"DELETE": keys.delete_user_api_key, "GET": keys.get_user_api_key}),
        ),
    )
)


def route_for(path: str, version: Version) -> tuple[Route, dict[str, str]]:
    """Find the route of a path below the API root, and the parts of the path that vary."""
    if not path.startswith("/users/"):
        return _OTHER, {}
    if (route := _FIXED.get(path)) is not None:
        missing = route is _FIXED["/users/auth/_logout"] and not version.logout
        return (_OTHER if missing else route), {}
    for pattern, route in _VARYING:
        if (found := pattern.fullmatch(path)) is not None:
            return route, {name: unquote(part) for name, part in found.groupdict().items()}
    return _OTHER, {}


async def perform(realm: Realm, call: Call, route: Route) -> Answer:
    """Guard the operation, and carry it out."""
    identity = call.identity
    if route.guarded and identity.refused_with is not None:
        return ops.refuse(realm, identity)
    if route.operations:
        operation = route.operations.get(call.method)
        if operation is None:
            answer = json_answer({"ok": False, "message": "Method not allowed"}, status=405)
            return answer.with_headers(("Allow", ", ".join(sorted(route.operations))))
    else:
        operation = ops.echo
    if route.guarded and not route.own:
        user = identity.user
        if user is None or not user.may(call.method, call.path):
            return failure(403, "root.unauthorized.rbac", version=realm.version)
        if not user.elevated and realm.wants_elevation(call.method, call.path):
            code = "root.unauthorized.rbac.elevated_permissions_required"
            return failure(449, code, version=realm.version)
    return await operation(realm, call)
