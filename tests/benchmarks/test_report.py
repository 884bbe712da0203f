"""The table in the documentation is that of the committed results."""

from __future__ import annotations

import json

from benchmarks.report import DOCS, RESULTS, markdown


def test_the_documented_table_is_the_measured_one() -> None:
    """docs/recording.md has exactly the cases and the figures of benchmarks/results.json."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert markdown(rows) in DOCS.read_text(encoding="utf-8")
    for row in rows:
        assert {"case", "added_ns", "baseline", "ratio", "target", "met", "versions", "machine"} <= set(row)


def test_results_name_no_file_of_the_machine() -> None:
    """They are committed."""
    text = RESULTS.read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "/tmp/" not in text
    assert "/root/" not in text
