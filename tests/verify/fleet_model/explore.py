"""Breadth first over every world: ``python -m tests.verify.fleet_model.explore``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from tests.verify.fleet_model.world import World, WrongError, fresh, good, moves, steps

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
    start = fresh(tuple(skews))
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
            for name, after in steps(world, faults=faults, until=until):
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
    world = evolve(world, down=False)
    if not any(one.alive for one in world.members):
        return
    if all(type(one.state).__name__ == "LoggedOut" for one in world.members if one.alive):
        return  # as their users wished
    for _ in range(HEALED):
        for _ in range(12):
            moved = False
            for index, one in enumerate(world.members):
                if one.alive:
                    for _, after in moves(world, index, one):
                        world, moved = after, True
                        break
            if not moved:
                break
        held = [one.served for one in world.members if one.alive and one.served]
        if any(good(world, number) for number in held):
            return
        world = evolve(world, now=world.now + 1)
    raise WrongError("nobody gets a token again, though nothing is in the way")


def main() -> int:
    """Explore, print what was found, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--faults", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--most", type=int, default=500_000, help="stop after so many states")
    options = parser.parse_args()
    began = time.monotonic()
    skews = (0, 600, -600)[: options.members]
    found = explore(skews=skews, faults=options.faults, until=options.seconds, most=options.most)
    took = time.monotonic() - began
    print(f"{found.states} states, {found.leaves} at the end of time, in {took:.0f} s")
    if found.wrong:
        print(f"WRONG: {found.wrong}", *found.course, sep="\n  ")
        return 1
    whole = "" if found.states < options.most else ", as far as it went; there are more"
    print(f"every invariant holds in every state{whole}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
