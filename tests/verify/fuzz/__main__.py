"""Run random answers through the parsers: ``python -m tests.verify.fuzz [--inputs N] [--seed S]``.

Hypothesis makes an answer, and shrinks one that fails; each is followed by a hundred mutations.
Prints how many answers were checked, and how long it took; ends with status 1 at a violation.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.verify.fuzz.batch import BATCH, MUTATIONS, run_batch


def main() -> int:
    """Check as many answers as were asked for, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.verify.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many answers, at least")
    parser.add_argument("--seed", type=int, default=0, help="the same finds the same")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began, checked, found = time.perf_counter(), 0, ""
    per_batch = BATCH * (MUTATIONS + 1)
    batches = -(-options.inputs // per_batch)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context) as pool:
        numbers = range(options.seed * 1_000_003, options.seed * 1_000_003 + batches)
        for count, violation in pool.map(run_batch, numbers, [BATCH] * batches):
            checked += count
            found = found or violation
            took = time.perf_counter() - began
            print(f"\r{checked:,} answers in {took:.0f} s", end="", flush=True)
            if found:
                pool.shutdown(cancel_futures=True)
                break
    took = time.perf_counter() - began
    print(f"\r{checked:,} answers in {took:.1f} s, seed {options.seed}: ", end="")
    print("a violation" if found else "only values and typed errors")
    print(found, end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
