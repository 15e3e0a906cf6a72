"""5,000 requests started together: just after the token expired, and after a revocation."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from typing import TYPE_CHECKING, Any, Self

from benchmarks.samples import figure, ratio

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer
    from benchmarks.setting import Setting

_HERD = 5_000
#: The oldest generation: a pass over all that lives.
_FULL = 2
#: How long `_login` and `_refresh` take, seconds.
_RENEWAL = 0.2
#: How long the tokens live that expire, seconds. OAuth 2.0 knows whole seconds only; we start
#: no attempt within a second of the last.
_LIFE, _OUR_LIFE = 2.0, 1.1
#: A herd that takes longer, seconds, is cut short, and what is not answered has failed.
_PATIENCE = 8.0
#: Before the token is revoked, seconds: we are not held back by a renewal of a moment ago.
_REST = 1.05
_MANY = ("raw", "do-nothing middleware", "aiocloudauth")


class Collector:
    """The garbage collector during a herd, with what the process had before kept out of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.full = 0
        self._began = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._note)
        gc.unfreeze()

    def _note(self, phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._began
            self.full += about["generation"] == _FULL


async def herd(peer: Peer, setting: Setting) -> dict[str, float]:
    """Send them all, and count what the server saw."""
    setting.control.set(delay=_RENEWAL, lifetime=3600.0)
    setting.control.zero()
    with Collector() as collector:
        started, cpu = time.perf_counter(), time.process_time()
        tasks = [asyncio.create_task(peer.get()) for _ in range(_HERD)]
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    told = setting.control.stats()
    for task in late:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "wall": wall,
        "failed": sum(answer != 200 for answer in answers),
        "refused": told["refused"],
        "renewals": told["logins"] + told["refreshes"],
        "cpu": cpu,
        "collecting": collector.seconds,
        "collected": collector.full,
    }


async def at_expiry(client: type[Peer], setting: Setting) -> dict[str, float]:
    """Block the process, as a suspend does, until the token has expired; then the herd."""
    life = _OUR_LIFE if client.ours else _LIFE
    setting.control.reset(lifetime=life)
    async with client(setting.control, life=life) as peer:
        await peer.get()
        if peer.renews:
            time.sleep(life + 0.02)  # noqa: ASYNC251 - it is to block
        return await herd(peer, setting)


async def after_revocation(client: type[Peer], setting: Setting) -> dict[str, float]:
    """End every token on the server; then the herd, which knows nothing of it."""
    setting.control.reset()
    async with client(setting.control) as peer:
        await peer.get()
        if peer.renews:
            await asyncio.sleep(_REST if client.ours else 0.0)
            setting.control.revoke()
        return await herd(peer, setting)


_KINDS = {"at expiry": at_expiry, "after a revocation": after_revocation}


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure both, in random order; the other clients take part in the first round alone.

    A client that holds a fixed token meets neither: one herd of its own a round is for both.
    """
    clients = setting.clients()
    others = setting.loop == "asyncio" and not setting.quick
    samples: dict[str, dict[str, list[dict[str, float] | None]]]
    samples = {kind: {name: [] for name in clients} for kind in _KINDS}
    order = random.Random(0)
    herds = [(name, kind) for name in clients for kind in _KINDS]
    for number in range(setting.pick(9, 1)):
        fixed: dict[str, dict[str, float]] = {}
        for name, kind in order.sample(herds, len(herds)):
            taken = None
            if name in fixed:
                taken = fixed[name]
            elif name in _MANY or (others and number == 0):
                taken = await _KINDS[kind](clients[name], setting)
                if not clients[name].renews:
                    fixed[name] = taken
            samples[kind][name].append(taken)
    return {
        kind: _figures({name: rounds for name, rounds in by_name.items() if any(rounds)})
        for kind, by_name in samples.items()
    }


def _figures(samples: dict[str, list[dict[str, float] | None]]) -> dict[str, Any]:
    """Sum up; the wall against raw, or do-nothing, and the renewal, the CPU against both."""
    found: dict[str, Any] = {}
    raw, nothing = samples["raw"], samples["do-nothing middleware"]
    for name, rounds in samples.items():
        taken = [sample for sample in rounds if sample]
        if taken:
            found[name] = {key: figure(sample[key] for sample in taken) for key in taken[0]}
            for suffix, to in (("", raw), ("_to_nothing", nothing)):
                walls, cpus = _of(rounds, "wall"), _of(rounds, "cpu")
                found[name][f"wall_ratio{suffix}"] = ratio(walls, _of(to, "wall", _RENEWAL))
                found[name][f"cpu_ratio{suffix}"] = ratio(cpus, _of(to, "cpu"))
    return found


def _of(rounds: list[dict[str, float] | None], key: str, more: float = 0.0) -> list[float | None]:
    return [sample[key] + more if sample else None for sample in rounds]
