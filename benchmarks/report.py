"""The figures as a page of documentation."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from benchmarks.samples import spread
from benchmarks.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.targets import Found, Row


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    table = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in table) + "\n"


def table(found: list[Row]) -> str:
    """Return the table of targets."""
    lines = [[row.name, row.promise, row.measured, "yes" if row.met else "**no**"] for row in found]
    return rows(["case", "target", "measured: median (least\N{EN DASH}greatest)", "met"], lines)


def by_peer(
    loops: Found,
    inside: tuple[str, ...],
    columns: dict[str, Callable[[Found], str]],
) -> str:
    """Return a table with a line for each peer, and the columns once for each loop."""
    found: Found = {}
    for loop, figures in loops.items():
        for key in inside:
            figures = figures[key]  # noqa: PLW2901 - the way down
        found[loop] = figures
    header = ["", *(f"{name} ({loop})" for loop in found for name in columns)]
    peers = dict.fromkeys(name for figures in found.values() for name in figures)
    lines = []
    for peer in peers:
        line = [f"**{peer}**" if peer.startswith("aiocloudauth") else peer]
        for figures in found.values():
            known = figures.get(peer)
            line += [write(known) if known is not None else "" for write in columns.values()]
        lines.append(line)
    return rows(header, lines)


def _of(key: str, digits: int = 2) -> Callable[[Found], str]:
    def write(known: Found) -> str:
        return spread(known[key], digits) if key in known else ""

    return write


def _count(key: str) -> Callable[[Found], str]:
    def write(known: Found) -> str:
        value = known[key]
        least, most = (value["min"], value["max"]) if isinstance(value, dict) else (value, value)
        return f"{most:,.0f}" if least == most else f"{least:,.0f} to {most:,.0f}"

    return write


def _latency(where: str) -> Callable[[Found], str]:
    def write(known: Found) -> str:
        here = known.get(where)
        return f"{here['p50']:.1f}, {here['p99']:.1f}, {here['max']:.1f}" if here else ""

    return write


def report(data: Found) -> str:
    """Return the page."""
    return "\n".join(_sections(data)).rstrip() + "\n"


def _sections(data: Found) -> Iterator[str]:
    results, facts = data["results"], data["machine"]
    yield _HEAD
    yield table(targets(results))
    yield _section("Where a target is missed, and what the floor is", _FLOORS)
    yield "![CPU a request, herds and slow requests, by client](benchmarks.svg)\n"
    yield _section("What was measured, and how", _HOW)
    yield f"Command: `{data['command']}`, {data['seconds']} s, {data['measured_at']}.\n"
    pinned = data["pinned"] or "not pinned: this machine has no two cores to give"
    yield (
        f"Machine: {facts['processor']}, {facts['cores']} cores, {facts['system']}, "
        f"{facts['libc']}; {pinned}.\n"
    )
    yield f"Versions: {', '.join(f'{name} {v}' for name, v in data['versions'].items())}.\n"
    for case, (title, write) in _CASES.items():
        if case in results:
            yield f"## {title}\n"
            yield from write(results[case])


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{textwrap.dedent(text).strip()}\n"


def _overhead(loops: Found) -> Iterator[str]:
    for concurrency in ("1", "64"):
        yield f"Concurrency {concurrency}:\n"
        columns = {
            "µs": _of("cpu_us", digits=1),
            "to raw": _of("cpu_ratio", digits=3),
            "to do-nothing": _of("cpu_ratio_to_nothing", digits=3),
        }
        yield by_peer(loops, (concurrency,), columns)


def _instructions(loops: Found) -> Iterator[str]:
    columns: dict[str, Callable[[Found], str]] = {
        "instructions": lambda known: f"{known['instructions']:,.0f}",
        "to raw": lambda known: f"{known['to raw']:.4f}",
        "to do-nothing": lambda known: f"{known['to do-nothing middleware']:.4f}",
    }
    yield by_peer(loops, (), columns)


def _steady(loops: Found) -> Iterator[str]:
    for concurrency in ("1", "64", "512"):
        yield f"Concurrency {concurrency}:\n"
        columns = {
            "requests a second": _of("rate", digits=0),
            "to raw": _of("rate_ratio"),
            "CPU to raw": _of("cpu_ratio"),
        }
        yield by_peer(loops, (concurrency,), columns)


def _herd(loops: Found) -> Iterator[str]:
    for case in ("at expiry", "after a revocation"):
        yield f"5,000 requests {case}:\n"
        columns = {
            "s": _of("wall"),
            "to raw + renewal": _of("wall_ratio"),
            "to do-nothing + renewal": _of("wall_ratio_to_nothing"),
            "CPU s": _of("cpu"),
            "of it collecting": _of("collecting"),
            "CPU to do-nothing": _of("cpu_ratio_to_nothing"),
            "renewals": _count("renewals"),
            "401s": _count("refused"),
            "failed": _count("failed"),
            "full collections": _count("collected"),
        }
        yield by_peer(loops, (case,), columns)


def _load(loops: Found) -> Iterator[str]:
    for mode in ("revoked", "kept"):
        yield f"The old token {mode}:\n"
        columns = {
            "requests": _count("requests"),
            "failed": _count("failed"),
            "over 100 ms": _count("over_100_ms"),
            "p50, p99, max outside renewals, ms": _latency("outside"),
            "inside": _latency("inside"),
            "throughput to raw": _of("rate_ratio"),
            "CPU to raw": _of("cpu_ratio"),
        }
        yield by_peer(loops, (mode,), columns)


def _pool(loops: Found) -> Iterator[str]:
    columns = {
        "401s": _count("refused"),
        "failed": _count("failed"),
        "renewals": _count("renewals"),
    }
    for case in ("renewed", "revoked silently"):
        yield f"The token {case} while they wait:\n"
        yield by_peer(loops, (case,), columns)


def _queued(loops: Found) -> Iterator[str]:
    columns: dict[str, Callable[[Found], str]] = {
        "bytes": lambda known: f"{known['bytes']:,.0f}",
        "to raw": lambda known: f"{known['ratio']:.3f}",
    }
    yield by_peer(loops, (), columns)


def _token(loops: Found) -> Iterator[str]:
    yield by_peer(loops, (), {"ns": _of("ns", digits=0)})


def _sessions(loops: Found) -> Iterator[str]:
    lines = [
        [label, *(_plain(found[name]) for found in loops.values())]
        for name, label in _SESSIONS.items()
        if all(name in found for found in loops.values())
    ]
    yield rows(["", *loops], lines)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _imports(loops: Found) -> Iterator[str]:
    yield by_peer(loops, (), {"CPU ms": _of("ms", digits=1), "to aiohttp": _of("ratio")})


def _cold(loops: Found) -> Iterator[str]:
    for case in next(iter(loops.values())):
        yield f"{case.capitalize()}:\n"
        yield by_peer(loops, (case,), {"ms": _of("ms"), "to raw": _of("ratio")})


def _profiles(loops: Found) -> Iterator[str]:
    for profiles in loops.values():
        for kind, places in profiles.items():
            title, place = _PROFILES[kind]
            yield f"{title}:\n"
            clients = next(iter(places.values()))
            lines = [
                [f"`{at}`" if ": " in at else at, *(f"{amount:,.0f}" for amount in spent.values())]
                for at, spent in places.items()
            ]
            yield rows([place, *clients], lines)


_PROFILES = {
    "request": ("A good request, in instructions of Python: what differs from do-nothing", "in"),
    "queued": ("A request that waits for a connection, bytes", "made by"),
    "session": ("A session that logs in, in 0 ms, sends one request and closes: µs of CPU", "in"),
    "import": ("Import, ms", "of"),
}

_SESSIONS = {
    "kib_each": "an open session, KiB",
    "kib_each_bare": "a bare `aiohttp.ClientSession`, KiB",
    "kib_above_bare": "a session above a bare one, KiB",
    "idle_share_of_core": "all of them idle, share of a core",
    "logins_took": "all logins, s",
    "renewed": "renewals within the life of a token",
    "first_age": "age of the first token to be renewed, s",
    "last_age": "age of the last, s",
    "window": "what the policy's jitter spreads them over, s",
    "busiest_100_ms_by_age": "most renewals at the same age, within 100 ms",
    "busiest_100_ms": "most renewals at the same time, within 100 ms",
}

_CASES: dict[str, tuple[str, Callable[[Found], Iterator[str]]]] = {
    "overhead": ("Steady state: CPU a request", _overhead),
    "instructions": ("Steady state: instructions a request, by cachegrind", _instructions),
    "steady": ("Steady state: every client side by side", _steady),
    "token": ("The current token, once a request", _token),
    "herd": ("5,000 requests at the worst moment", _herd),
    "load": ("Renewal under load", _load),
    "pool": ("A pool of one", _pool),
    "queued": ("10,000 requests that wait for a connection", _queued),
    "sessions": ("1,000 sessions in one process", _sessions),
    "imports": ("Import time", _imports),
    "cold": ("The first request", _cold),
    "profiles": ("Profiles: where it goes", _profiles),
}

_HEAD = """\
# Benchmarks

What a session that renews its token costs, against raw aiohttp with a fixed header and against
other clients. `make bench` measures all of it and writes this page, the plot and
[benchmarks.json](benchmarks.json); `make bench-quick` takes a minute and only prints a table: no
other clients, asyncio alone, fewer rounds, and not the cases that take longest. Do not edit this
page: its words live in `benchmarks/report.py`.
"""

_HOW = """
- Server and client are separate processes, bound to a core each. The server is a bare asyncio
  protocol on uvloop, so that the client is the bottleneck; it checks the token of every request.
- glibc's allocator is fixed (`MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_` at 256 MiB).
  Otherwise every 256 KiB receive buffer of asyncio costs an mmap and a munmap until glibc has
  adapted, and whoever imports more escapes that.
- What is compared takes turns in random order: of 10 to 20 ms for the first table of the steady
  state, of 30 ms for the one of every client (512 requests at least for its third part), of 30 ms
  under load, of a whole herd. A ratio is taken within a round; medians, least and greatest are of
  the rounds' ratios. *raw again* is raw aiohttp a second time: how far its ratio is from 1 is the
  noise. Under load the raw of a round is compared with two turns of ours, so that more of its
  renewals come while it is busy.
- For that first table (135 rounds) and under load (48) each client is a process of its own, on the
  same core, that sends when it is told. The interpreter fits its bytecode to the types it meets;
  clients in one process undo that for each other, and the one whose classes are in the minority
  pays: up to 4 % of a request in trials. A user's process has one client. Now and then the
  processes start afresh: where their parts come to lie in memory made some 2 % in trials, too.
- The table of every client (9 rounds) and the herds (9) are measured in one process, so that table
  is the coarser one.
- CPU is the process's own clock, which does not see other programs' time on the core. A client that
  in its trial needs four times as long as raw or more takes part in one round of nine.
- Other clients are measured on asyncio, in the table of every client on uvloop too if they are no
  httpx: one herd of each kind, where the figure in brackets is that same one, and one stretch of
  2.5 s under load, the old token revoked. httpx is left out where its search through the queue
  takes minutes. A herd is cut short after 8 s, and what is not answered then has failed.
- What holds a fixed token (raw, do-nothing) has one herd a round, with which both kinds are
  compared. Before a herd the garbage collector is told to leave alone what the process had before
  it (`gc.freeze`), and our own last renewal is a second ago or more.
- A renewal takes 200 ms where it matters (herds, load, pool of one). The pool is aiohttp's own of
  100 connections, but for the pool of one and the queued requests, which have one.
- Each other client is a module of `benchmarks/peers/`, which says how its margins were fitted to
  short tokens by its own options. What follows a 401 is its own affair: most do nothing.
- Memory of queued requests is what tracemalloc counts, and hardly varies. Of other clients 2,000
  are queued, for the profile 5,000.
- The cases that count (instructions, a pool of one, queued requests) run at the same time, each
  with a server of its own and bound to no core, after those that are timed.
- Import time is CPU time of fresh interpreters, less that of one which imports nothing.
- The profiles count each instruction of Python's (`sys.settrace`; what C does within one is not
  seen), each byte by the file that made it (tracemalloc), and CPU time by the package whose code
  ran or called into C (cProfile, which makes every call dearer). Import is the least of seven runs
  of `-X importtime`.
"""

_FLOORS = """
What takes how much is in the [profiles](#profiles-where-it-goes) at the end of this page.

**Herds.** aiohttp builds a request before it waits for anything, and a loop that has 5,000 to begin
does nothing else until it has: the 401, and the renewal, wait behind all of them, then the process
waits for the renewal, and a middleware that renews before it sends takes CPU + renewal. Here they
begin by turns, so that the renewal overtakes them and they are built while the server works on it:
the wall is hardly more than the CPU. That CPU is more than raw's, by a fifth or a quarter. The 0.2
s that the target allows for the renewal are more than that where raw takes 0.5 s, and about as much
where the machine is so slow that raw takes one or more: there a herd may miss its target in one run
and meet it in the next. A good part of the difference is the collector's (column *of it
collecting*): aiohttp's wrapper around a middleware and the middleware's coroutine are six objects a
request that it tracks, and these take it to a third pass over all that lives, where raw makes two.
A middleware that does nothing pays the same, and one that renewed would wait for that besides. The
rest is what a middleware costs anyhow, and the wait for a turn: beside the do-nothing one, and
without the collector, 10 to 30 µs a request, as fast as the machine is.

**Steady state and throughput under load.** In machine instructions, which are counted and hardly
vary, a request of ours takes as many as one with a middleware that does nothing. By the clock it
takes up to 2 % more, so that a row may miss its 1.01 in one run and keep it in the next. It runs
through nine short functions where the other runs through four, and at a concurrency of 1 the
process sleeps between requests and wakes with cold caches. Those misses do not count as
instructions, nor does what the kernel does when Python 3.11 asks for the running loop. To answer
`async with` past aiohttp's own `__aenter__` and `__aexit__`, and to hand aiohttp the middleware as
a bound method, took another 1 % off in a trial, and showed: in bodies that could not be read any
more, in unittest's `enterAsyncContext`, in mocks and patches. Under load a client that is bound to
one core loses in throughput what it costs in CPU, and there a middleware that does nothing loses 3
to 5 % by itself, which leaves little or nothing of the 3 % that the target allows. A request over
100 ms outside the renewals, with tens of others of the same moment, is a machine that stood still
for as long.

**Requests that wait for a connection.** Of 10,000 that begin at once the first 512 are aiohttp's,
and then three for each connection. The others wait in the gate, where one is a task, the coroutines
around it, a future and a place in a table: no header, no timer, no middleware and no request is
made before a connection is near. They begin in the order in which they came, and their wait counts
to the caller's total time as one for a connection does. Requests that come little by little, fewer
than 256 a turn of the loop, and those with a form, wait in aiohttp's own queue. There a middleware
costs what the row of the do-nothing one shows: a function that is made for the request, two cells
and two coroutines.

**The first request of a process.** A login takes a connection of its own, so that no renewal ever
waits behind requests; by hand on two sessions, as any client needs it that renews beside its
traffic, is the row *raw, login apart*. The rest, once in a session's life, is the state machine,
the parsing and the check of the options: about a third of the CPU time of such a session, more than
half of that in this package's own code, in no one place. Beside a login that takes its time (200
ms) it is lost. A whole interpreter also imports this package.

**Importing `CloudSession`** costs a third of `import aiohttp` and more on top of it: attrs writes
and compiles the methods of some 60 classes. `import aiocloudauth` by itself imports none of it,
aiohttp neither.

**`refresher.current`** is 16 instructions of Python, 170 to 210 ns where nothing disturbs. The
machine is a virtual one, whose speed halves for stretches of seconds or minutes. Ratios within a
round bear that; a figure in nanoseconds does not, and the other clients' in its table double along
with it.
"""
