"""Which operation a request is for, and who may call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from attrs import frozen

from aiocloudauth.testing import operations as ops
from aiocloudauth.testing.messages import Answer, failure, json_answer
from aiocloudauth.testing.paths import path_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from aiocloudauth.testing.messages import Call
    from aiocloudauth.testing.operations import Operation
    from aiocloudauth.testing.realm import Realm
    from aiocloudauth.testing.versions import Version

__all__ = ["ANY", "Route", "Router", "perform"]

#: Where `Route.operations` holds an operation for every method.
ANY: Final = "*"


@frozen(kw_only=True)
class Route:
    """One path of the API: its operations by method, and what guards them."""

    #: As `path_pattern` reads it: `/users/{user_id}/auth/keys`.
    path: str
    operations: Mapping[str, Operation]

    #: Without a guard the operation makes up its own mind about the credentials.
    guarded: bool = True

    #: Whoever is signed in may call it: it concerns only themselves.
    own: bool = False

    def operation(self, method: str) -> Operation | None:
        """Return the operation of a method."""
        return self.operations.get(method) or self.operations.get(ANY)


_ECHO: Final = Route(path="**", operations={ANY: ops.echo})

_LOGOUT: Final = Route(path="/users/auth/_logout", operations={"POST": ops.logout}, guarded=False)

#: The paths of the tag Authentication, and that of the WebSocket.
_OWN: Final = (
    Route(path="/users/auth", operations={"GET": ops.authentication_info}, own=True),
    Route(path="/users/auth/_login", operations={"POST": ops.login}, guarded=False),
    _LOGOUT,
    Route(path="/users/auth/_refresh", operations={"POST": ops.refresh}, guarded=False),
    Route(
        path="/users/auth/keys",
        operations={
            "DELETE": ops.delete_api_keys,
            "GET": ops.get_api_keys,
            "POST": ops.create_api_key,
        },
        own=True,
    ),
    Route(
        path="/users/auth/keys/_all",
        operations={"DELETE": ops.delete_users_api_keys, "GET": ops.get_users_api_keys},
    ),
    Route(
        path="/users/auth/keys/{api_key_id}",
        operations={"DELETE": ops.delete_api_key, "GET": ops.get_api_key},
        own=True,
    ),
    Route(path="/users/auth/methods", operations={"GET": ops.methods}, guarded=False),
    Route(path="/users/auth/saml/_callback", operations={"POST": ops.saml_callback}, guarded=False),
    Route(path="/users/auth/saml/_init", operations={"GET": ops.saml_init}, guarded=False),
    Route(
        path="/users/{user_id}/auth/keys",
        operations={"DELETE": ops.delete_user_api_keys, "GET": ops.get_user_api_keys},
    ),
    Route(
        path="/users/{user_id}/auth/keys/{api_key_id}",
        operations={"DELETE": ops.delete_user_api_key, "GET": ops.get_user_api_key},
    ),
    Route(path="/ws", operations={ANY: ops.echo_messages}),
)


class Router:
    """The routes of one server: its own first, then those added, the latest first; else the echo.

    A method that one of its own paths does not have is answered with 405. An added route is
    passed over for the methods that it does not have.
    """

    def __init__(self, version: Version) -> None:
        own = [route for route in _OWN if version.logout or route is not _LOGOUT]
        self._fixed = {route.path: route for route in own if "{" not in route.path}
        self._varying = [(path_pattern(route.path), route) for route in own if "{" in route.path]
        self._added: list[tuple[re.Pattern[str], Route]] = []

    def add(self, route: Route) -> None:
        """Put a route before those that were added so far."""
        self._added.insert(0, (path_pattern(route.path), route))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Find the route of a path below the API root, and the parts of the path that vary."""
        if (fixed := self._fixed.get(path)) is not None:
            return fixed, {}
        for pattern, route in self._varying:
            if (found := pattern.fullmatch(path)) is not None:
                return route, _decoded(found)
        for pattern, route in self._added:
            if route.operation(method) and (found := pattern.fullmatch(path)) is not None:
                return route, _decoded(found)
        return _ECHO, {}


def _decoded(found: re.Match[str]) -> dict[str, str]:
    return {name: unquote(part) for name, part in found.groupdict().items()}


async def perform(realm: Realm, call: Call, route: Route) -> Answer:
    """Guard the operation, and carry it out."""
    identity = call.identity
    if route.guarded and identity.refused_with is not None:
        return ops.refuse(realm, identity)
    operation = route.operation(call.method)
    if operation is None:
        answer = json_answer({"ok": False, "message": "Method not allowed"}, status=405)
        return answer.with_headers(("Allow", ", ".join(sorted(route.operations))))
    if route.guarded and not route.own:
        user = identity.user
        if user is None or not user.may(call.method, call.path):
            return failure(403, "root.unauthorized.rbac", version=realm.version)
        if not user.elevated and realm.wants_elevation(call.method, call.path):
            code = "root.unauthorized.rbac.elevated_permissions_required"
            return failure(449, code, version=realm.version)
    return await operation(realm, call)
