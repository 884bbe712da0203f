"""Forks thousands of times while threads record and collect; a script, so that the process is small.

Usage: python fork_storm.py FORKS. Every child records and collects on its own, and must find exactly the values that
it recorded. Its alarm kills a child that hangs. The script prints the number of such children.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tests.recording.harness import COUNTER, HISTOGRAM, Pair, points

CALLS = 600


def child(pair: Pair) -> int:
    """Record and collect; return 0 if the counts are those of the child."""
    store = pair.fast_path.store
    for _ in range(CALLS):
        pair.buffer(HISTOGRAM, "shared").record(0.5)
    pair.buffer(COUNTER, "born here").record(1)
    metrics = {metric.name: metric for metric in store.collect(store.readers[0], time.time_ns())}
    counts = points(metrics, HISTOGRAM)["shared"].count, points(metrics, COUNTER)["born here"].value
    return 0 if counts == (CALLS, 1) else 3


def main(forks: int) -> int:
    """Fork many times; the exit status is 0 if every child was right."""
    sys.setswitchinterval(1e-4)  # the forking thread is one of four that compete for the interpreter
    pair = Pair()
    shared = pair.buffer(HISTOGRAM, "shared").record
    stop = threading.Event()
    recorded = [0, 0]

    def record(thread: int) -> None:
        while not stop.is_set():
            shared(0.5)
            recorded[thread] += 1

    def collect() -> None:
        while not stop.is_set():
            pair.fast_path.store.collect(pair.fast_path.store.readers[0], time.time_ns())

    threads = [threading.Thread(target=record, args=(number,)) for number in range(2)]
    threads.append(threading.Thread(target=collect))
    for thread in threads:
        thread.start()
    right = 0
    for _ in range(forks):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            os._exit(child(pair))
        _, status = os.waitpid(pid, 0)
        right += status == 0
    stop.set()
    for thread in threads:
        thread.join()
    metrics = pair.fast_path.store.collect(pair.fast_path.store.readers[0], time.time_ns())
    whole = points({metric.name: metric for metric in metrics}, HISTOGRAM)["shared"].count == sum(recorded)
    print(right)
    return 0 if right == forks and whole else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
