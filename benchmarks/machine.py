"""What is held still while measuring: the allocator, and which core runs what."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: glibc adapts its thresholds while a program runs. Until it has, every 256 KiB receive
#: buffer of asyncio costs an mmap and a munmap, and whoever imports more escapes that.
ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_MMAP_THRESHOLD_": "268435456",
}

_PACKAGES = (
    "aiocloudauth",
    "aiohttp",
    "aiobotocore",
    "attrs",
    "authlib",
    "azure-core",
    "botocore",
    "cattrs",
    "gcloud-aio-auth",
    "httpx",
    "multidict",
    "uvloop",
    "yarl",
)


def environment() -> dict[str, str]:
    """Return the environment of a process that is measured."""
    return {**os.environ, **ALLOCATOR, "PYTHONHASHSEED": "0"}


def cores() -> tuple[int, int] | None:
    """Return a core for the client and one for the server, or nothing if there are not two."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else None


def allow_many_files(wanted: int = 8192) -> None:
    """Raise the limit on open files as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def versions() -> dict[str, str]:
    """Return the versions of what is measured."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def description() -> dict[str, object]:
    """Return what the machine is."""
    return {
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "allocator": ALLOCATOR,
    }


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def python(*arguments: str, core: int | None) -> subprocess.Popen[bytes]:
    """Start a Python program with piped input and output, bound to `core`."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return process
