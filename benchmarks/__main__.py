"""Measure all cases, print the table, write benchmarks/results.json and the table in docs/recording.md.

Usage: python -m benchmarks [--rounds N] [--no-others]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

from benchmarks import cases, others, service, unconfigured
from benchmarks.measure import pin
from benchmarks.report import Result, show, write, write_docs


def main() -> int:
    """Return 0 even if a target is missed: the table is not a test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="rounds of each micro-benchmark (200)")
    parser.add_argument("--no-others", action="store_true", help="leave other libraries out (they install)")
    options = parser.parse_args()
    pin()
    results: list[Result] = []
    for result in _all(options.rounds, with_others=not options.no_others):
        print(f"{result.case}: measured", file=sys.stderr)
        results.append(result)
    write(results, options.rounds)
    write_docs()
    show(results)
    return 0


def _all(rounds: int, *, with_others: bool) -> Iterator[Result]:
    yield from cases.configured(rounds)
    for mode, times in unconfigured.measure_all(rounds):
        added, closure = times["decorated"] - times["bare"], times["closure"] - times["bare"]
        yield Result(mode, added, "a functools.wraps closure", added / closure, 2.0, added / closure <= 2.0)
    yield from service.compared()
    yield from cases.collection()
    if with_others:
        for name, measurement in others.measure_all():
            yield Result(name, measurement.get("added_ns"), "-", note=measurement.get("reason", "comparison"))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"benchmarks: {' '.join(map(str, error.cmd))} failed:\n{error.stderr}")
