"""Steady state, us against the limit and the do-nothing middleware: CPU a request."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.samples import figure, ratio
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.setting import Setting

#: How long one client is measured in a round, seconds, about.
_CHUNK = 0.01
#: Requests by which the length of a chunk is found.
_TRIAL = 512
_TO = {"cpu_ratio": "raw", "cpu_ratio_to_nothing": "do-nothing middleware"}


async def measure(setting: Setting) -> dict[str, Any]:
    """Measure at a concurrency of 1 and of 64, each client in a process of its own.

    In several sets of processes, since where the parts of one come to lie in memory speeds it
    up or slows it down by some 2 % for as long as it lives.
    """
    setting.control.reset()
    taken = {number: {name: [] for name in setting.peers} for number in (1, 64)}
    order = random.Random(0)
    for _ in range(setting.pick(3, 1)):
        with ExitStack() as stack:
            started = {name: Worker(name, setting) for name in setting.peers}
            workers = {name: stack.enter_context(worker) for name, worker in started.items()}
            for concurrency, samples in taken.items():
                trial = workers["raw"].send(_TRIAL, concurrency)
                number = max(int(_CHUNK / trial.wall * _TRIAL), 2 * concurrency)
                for _ in range(setting.pick(45, 11)):
                    for name in order.sample(setting.peers, len(setting.peers)):
                        cpu = workers[name].send(number, concurrency).cpu
                        samples[name].append(cpu / number * 1e6)
    return {str(number): _figures(samples) for number, samples in taken.items()}


def _figures(samples: dict[str, list[float]]) -> dict[str, Any]:
    return {
        name: {
            "cpu_us": figure(values),
            **{key: ratio(values, samples[to]) for key, to in _TO.items()},
        }
        for name, values in samples.items()
    }
