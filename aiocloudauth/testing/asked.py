"""A request to a deployment that fits what the API describes, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from aiocloudauth.testing.deployments import Deployment, Refused, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocloudauth.testing.realm import Realm

__all__ = ["Asked"]


@frozen(kw_only=True)
class Asked:
    """A request that fits what the API describes."""

    realm: Realm
    user: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    document: Any = field(repr=False)
    now: float

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a field of the query that is true or false."""
        return self.query.get(name, str(default).lower()) == "true"

    @property
    def deployment(self) -> Deployment:
        """The deployment that the path names."""
        found = self.realm.deployments.get(self.parts["deployment_id"])
        if found is None:
            raise Refused(404, "deployments.deployment_not_found")
        return found

    def resource(self, kind: str | None = None) -> Resource:
        """Return the resource that the path names, of the kind that it names or this one."""
        given = self.parts.get("resource_kind") or self.parts.get("stateless_resource_kind")
        found = self.deployment.of(kind or str(given), self.parts["ref_id"])
        if found is None:
            raise Refused(404, "deployments.deployment_resource_not_found")
        return found
