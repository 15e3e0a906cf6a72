"""Breadth first over every world: ``python -m tests.verify.fleet_model.explore``."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from tests.verify.fleet_model.world import (
    KNOWN,
    World,
    WrongError,
    canonical,
    fresh,
    good,
    moves,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds after which somebody has to have a token again, once nothing goes wrong any more.
HEALED: Final = 40


@frozen
class Found:
    """What an exploration came to: `wrong` is the broken invariant, `course` how it came to it."""

    states: int
    leaves: int
    wrong: str = ""
    course: tuple[str, ...] = ()


def explore(*, skews: Sequence[int], faults: int, until: int, most: int | None = None) -> Found:
    """Visit every world within `until` seconds and with so many `faults`."""
    KNOWN.clear()
    start = canonical(fresh(tuple(skews)))
    parents: dict[World, tuple[World, str] | None] = {start: None}
    queue, leaves = deque([start]), 0
    healed: set[World] = set()

    def course(world: World, last: str) -> tuple[str, ...]:
        found = [last]
        here = parents[world]
        while here is not None:
            found.append(here[1])
            here = parents[here[0]]
        return tuple(reversed(found))

    while queue and (most is None or len(parents) < most):
        world = queue.popleft()
        name = "what follows"
        try:
            for name, step in steps(world, faults=faults, until=until):
                after = canonical(step)
                if after not in parents:
                    parents[after] = world, name
                    queue.append(after)
            if world.now == until:
                leaves += 1
                calm = evolve(world, faults=0)
                if calm not in healed:
                    heals(calm)
                    healed.add(calm)
        except WrongError as error:
            return Found(len(parents), leaves, str(error), course(world, name))
    return Found(len(parents), leaves)


def heals(world: World) -> None:
    """Raise unless somebody has a good token again, once nothing goes wrong any more."""
    awake = tuple(evolve(one, asleep=False) for one in world.members)
    world = evolve(world, members=awake, down=False)
    if not any(one.alive for one in world.members):
        return
    if all(type(one.state).__name__ == "LoggedOut" for one in world.members if one.alive):
        return  # as their users wished
    for _ in range(HEALED):
        for _ in range(12):
            moved = False
            for index in range(len(world.members)):
                for _, after in moves(world, index, world.members[index]):
                    world, moved = after, True
                    break
            if not moved:
                break
        held = [one.served for one in world.members if one.alive and one.served]
        if any(good(world, number) for number in held):
            return
        world = evolve(world, now=world.now + 1)
    raise WrongError("nobody gets a token again, though nothing is in the way")


#: The clocks of a fleet's members, in seconds from the true time; how many things go wrong, and
#: for how many seconds: a token lives for eight, a lease for three.
FLEETS: Final = (
    ((0,), 2, 10),
    ((0, 0), 1, 10),
    ((0, 600), 1, 10),
    ((0, 0, 0), 0, 10),
    ((0, 0, 0), 1, 5),
)


def main() -> int:
    """Explore each fleet, print what was found, and return the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    gc.disable()  # what is kept is a million small values without a cycle
    total = 0
    for skews, faults, seconds in FLEETS:
        began = time.monotonic()
        found = explore(skews=skews, faults=faults, until=seconds)
        took = time.monotonic() - began
        total += found.states
        print(
            f"{len(skews)} members, clocks {', '.join(f'{skew:+d}' for skew in skews)} s; {faults} "
            f"faults within {seconds} s: {found.states} states, in {took:.0f} s",
            flush=True,
        )
        if found.wrong:
            print(f"WRONG: {found.wrong}", *found.course, sep="\n  ")
            return 1
    print(f"{total} states, all there are, and every invariant holds in each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
