"""A model of a fleet, explored breadth first, keeps every invariant; planted bugs break them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from aiocloudauth._core import sharing
from aiocloudauth._core.sharing import Publish
from tests.verify.fleet_model import world
from tests.verify.fleet_model.explore import explore

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocloudauth import RenewalPolicy
    from aiocloudauth._core.sharing import Conclusion, Failure, Member, Shared, Take
    from aiocloudauth._core.states import Grant
    from tests.verify.fleet_model.world import One, World


@pytest.mark.parametrize(
    ("skews", "faults", "until"),
    [((0,), 1, 12), ((0, 0), 1, 6), ((0, 600), 1, 5), ((0, 0, 0), 0, 10), ((0, 0, 0), 1, 1)],
    ids=["one", "two", "two clocks", "three", "three and a fault"],
)
def test_every_invariant_holds(skews: tuple[int, ...], faults: int, until: int) -> None:
    """In every state there is within this time; `make model` has longer ones."""
    found = explore(skews=skews, faults=faults, until=until)
    assert found.wrong == "", "\n".join(found.course)
    assert found.states >= 1000


# -- planted bugs --------------------------------------------------------------------------

_newer, _leased, _conclude = sharing.newer, sharing.leased, sharing.conclude


def publishes_without_compare(patch: pytest.MonkeyPatch) -> None:
    """The store writes whatever is expected."""
    patch.setitem(world.BUGS, "publish without compare", True)  # noqa: FBT003 - what monkeypatch takes


def judges_a_lease_by_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """The holder writes until when by its clock, and the others read theirs."""

    def leased(shared: Shared, member: Member, now: float, _: RenewalPolicy) -> bool:
        lease = shared.lease
        if lease is None or lease.name == member.lease:
            return False
        holder = int(lease.name.split("@")[0])
        return bool(now + READER[0] < member.sights[lease.name] + holder + lease.seconds)

    patch.setattr(sharing, "leased", leased)


def adopts_an_older_one(patch: pytest.MonkeyPatch) -> None:
    """Any good token of the record is taken."""

    def newer(shared: Shared, member: Member, *rest: Any) -> tuple[bool, bool]:
        return _newer(shared, evolve(member, generation=-1), *rest)

    patch.setattr(sharing, "newer", newer)


def releases_somebody_elses_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever closes clears the lease."""
    patch.setitem(world.BUGS, "closes anything", True)  # noqa: FBT003 - what monkeypatch takes
    patch.setattr(sharing, "released", lambda shared, _: evolve(shared, lease=None))


def marks_no_logout(patch: pytest.MonkeyPatch) -> None:
    """The record stays as it is."""
    patch.setattr(sharing, "logged_out", lambda shared, _: shared)


def writes_a_late_publication(patch: pytest.MonkeyPatch) -> None:
    """Whose lease it is, is not looked at."""

    def conclude(
        shared: Shared, member: Member, taken: Take, outcome: Grant | Failure, **clocks: Any
    ) -> Conclusion:
        lease = taken.shared.lease
        end = _conclude(evolve(shared, lease=lease), member, taken, outcome, **clocks)
        return (
            end if isinstance(end, Publish) else _conclude(shared, member, taken, outcome, **clocks)
        )

    patch.setattr(sharing, "conclude", conclude)


SKEWS = (0, 600, -600)
#: What the clock of the member whose turn it is differs by.
READER = [0]


@pytest.mark.parametrize(
    ("plant", "broken", "members"),
    [
        (publishes_without_compare, "", 2),
        (judges_a_lease_by_the_wall_clock, "a lease", 2),
        (adopts_an_older_one, "4:", 2),
        (releases_somebody_elses_lease, "a lease", 3),
        (marks_no_logout, "16:", 2),
        (writes_a_late_publication, "16:", 2),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_bug_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    broken: str,
    members: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each breaks the invariant that it ought to."""
    plant(monkeypatch)
    load = world.load

    def as_oneself(here: World, index: int, one: One) -> World:
        READER[0] = one.skew
        return load(here, index, one)

    monkeypatch.setattr(world, "load", as_oneself)
    found = explore(skews=SKEWS[:members], faults=1, until=6, most=200_000)
    assert found.wrong
    assert found.wrong.startswith(broken)
