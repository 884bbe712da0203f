"""The slots of a service's processes: a death at any moment, and the sums of former processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from signalscope.exposition._slots import Slots
from signalscope.exposition._totals import Family, add, decode, encode, lasting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file locks")


def _counter(value: float, **attributes: str) -> Family:
    return ["calls", "counter", "", "Calls.", None, [[attributes, value]]]


def _gauge(value: float) -> Family:
    return ["size", "gauge", "", "Size.", None, [[{}, value]]]


def _in_child(folder: Path, *, act: Any) -> None:
    """Call a function with new slots in a forked child, which then kills itself."""
    child = os.fork()
    if child == 0:
        try:
            act(Slots(folder))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def _write(slots: Slots, families: list[Family]) -> None:
    slots.write({"families": families}, time.monotonic_ns())


def test_a_death_during_a_write_leaves_the_snapshot_before(tmp_path: Path) -> None:
    """The next process has the slot, with the counts of the old snapshot and without its gauges."""
    watcher = Slots(tmp_path / "slots")
    watcher.claim()

    def write_half(slots: Slots) -> None:
        assert slots.claim() == []
        _write(slots, [_counter(3), _gauge(7)])
        slots._file("new").write_text('{"families": [["calls", "coun')

    _in_child(watcher.folder, act=write_half)
    assert watcher.refresh(0) == {1: None}
    assert lasting(watcher.read(1)["families"]) == [_counter(3)]
    _in_child(watcher.folder, act=lambda slots: _write(slots, add(slots.claim(), [_counter(2), _gauge(1)])))
    assert watcher.read(1)["families"] == [_counter(5), _gauge(1)]
    assert watcher.refresh(0) == {1: None}, "a new process takes the slot of one that has ended"


def test_a_living_process_keeps_its_slot(tmp_path: Path) -> None:
    """Each process has its own; when all have ended, the next one begins with an empty folder."""
    reader, writer = os.pipe()
    folder = tmp_path / "slots"
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            slots = Slots(folder)
            _write(slots, slots.claim() or [_counter(1)])
            os.write(writer, b".")
            time.sleep(600)  # sleep: until the test ends the child
        children.append(child)
        os.read(reader, 1)
    mine = Slots(folder)
    mine.claim()
    assert mine.number == 2
    headers = mine.refresh(0)
    assert sorted(header.pid for header in headers.values() if header) == sorted(map(str, children))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    mine.release()
    mine.close_pipe()
    again = Slots(folder)
    assert again.claim() == []
    assert (again.number, again.refresh(0)) == (0, {})


def test_a_folder_of_another_user_or_a_link_is_refused(tmp_path: Path) -> None:
    """Another user cannot make this process read or write a file."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="not a folder of this user"):
        Slots(tmp_path / "link")


def test_sums_are_by_series_and_keep_those_of_former_processes() -> None:
    """Histograms are added bucket by bucket; exemplars are those of the living process."""

    def histogram(counts: list[int], exemplars: list[Any]) -> Family:
        return ["t", "histogram", "s", "", [1.0], [[{"a": "x"}, sum(counts), 2.5, counts, exemplars]]]

    former = lasting([histogram([1, 2], [[0.5, 1, 2, 3]]), _counter(1, a="x"), _gauge(9)])
    own = [histogram([10, 0], [[0.7, 4, 5, 6]]), _counter(2, a="y"), _gauge(1)]
    assert add(former, own) == [
        ["t", "histogram", "s", "", [1.0], [[{"a": "x"}, 13, 5.0, [11, 2], [[0.7, 4, 5, 6]]]]],
        ["calls", "counter", "", "Calls.", None, [[{"a": "x"}, 1], [{"a": "y"}, 2]]],
        _gauge(1),
    ]


def test_other_buckets_start_again() -> None:
    """After a reload with other buckets, the sums of the former ones cannot be continued."""
    old, new = (["t", "histogram", "s", "", [bound], [[{}, 1, 0.5, [1, 0], []]]] for bound in (1.0, 2.0))
    assert add([old], [new]) == [new]


def test_the_number_of_series_is_limited() -> None:
    """Workers with new values in each generation add no more series; no count is lost, and none moves."""
    sums: list[Family] = []
    for generation in range(5):
        own = ["calls", "counter", "", "", None, [[{"a": f"{generation}-{n}"}, 1] for n in range(2000)]]
        before = {str(point[0]): point[1] for family in sums for point in family[5]}
        sums = add(sums, [own])
        after = {str(point[0]): point[1] for point in sums[0][5]}
        assert all(after[key] >= value for key, value in before.items())
    assert len(sums[0][5]) == 4001
    assert sum(after.values()) == 10_000


def test_an_attribute_with_the_name_of_the_label_is_renamed() -> None:
    """It becomes `exported_process`, as Prometheus does it."""
    data = decode([_counter(1, process="mine")], {}, "2")
    assert encode([data])[0][5] == [[{"exported_process": "mine", "process": "2"}, 1]]
