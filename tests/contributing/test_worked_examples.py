"""The worked examples of CONTRIBUTING.md, carried out in a copy of the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.derived.scenario import claims_of, promtool

from signalscope import binaries

ROOT = binaries.ROOT
#: What the examples change, and what the tests of the copy read.
_COPIED = ("src", "tests", "rules", "dashboards", "docs", "deploy", "pyproject.toml", ".env")
_METRIC, _READER, _INSTRUMENT = "derived metric", "reader of the derived metric", "instrument"
_BLOCK = re.compile(r"<!-- example: ([^\n]+) -->\n```diff\n--- (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The tests that refuse what does not belong into the tables, run in the copy.
_GATES = ("tests/contract/test_contract.py", "tests/mixin/test_series.py", "tests/mixin/test_used.py")
_RECORDED = """
import asyncio, json
from signalscope import contract, derived
from signalscope.derived import read
from signalscope.recording import get_instrument
from signalscope.testing import capture

with capture():
    requests = get_instrument("signal_service.api.requests")
    requests.series("/a", "GET", "200", "free").record(3)
    requests.series("/a", "GET", "429", "free").record(1)
    get_instrument("signal_service.work.cpu").series("chain", "simple").record(0.02)
    results = asyncio.run(read.read(["REFUSED_RATE", "WORK_CPU_P95"]))
found = contract.get("signal_service.work.cpu")
print(json.dumps({
    "boundaries": found.buckets, "emitted_by": found.emitted_by, "prometheus_name": found.prometheus_name,
    "rows": {
        key: [derived.get(key).name, derived.get(key).optional, list(results.get(key).vector.items())]
        for key in ("REFUSED_RATE", "WORK_CPU_P95")
    },
}))
"""


@dataclass(frozen=True)
class Block:
    """One block of the page: which example it belongs to, which file it changes, and the lines of its diff."""

    example: str
    path: str
    lines: tuple[str, ...]

    def hunks(self) -> Iterator[tuple[str, str]]:
        """Yield the text that each part of the diff stands for in the file, before and after."""
        for part in "\n".join(self.lines).split("\n@@\n"):
            lines = part.split("\n")
            before = [line[1:] for line in lines if not line.startswith("+")]
            after = [line[1:] for line in lines if not line.startswith("-")]
            yield "\n".join(before) + "\n", "\n".join(after) + "\n"

    def apply(self, folder: Path) -> None:
        """Change the file in a folder.

        Raises:
            AssertionError: The place of a part is not there, or is there twice.
        """
        path = folder / self.path
        text = path.read_text(encoding="utf-8")
        for before, after in self.hunks():
            places = text.count(f"\n{before}")
            assert places == 1, f"{self.path}: {places} places have these lines, not 1:\n{before}"
            text = text.replace(f"\n{before}", f"\n{after}")
        path.write_text(text, encoding="utf-8")


def _blocks(page: str) -> list[Block]:
    return [
        Block(example, path, tuple(text.rstrip("\n").split("\n")))
        for example, path, text in _BLOCK.findall(page)
    ]


BLOCKS = _blocks((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Checkout:
    """A copy of the checkout in which the examples were carried out.

    Attributes:
        folder: Where it is.
        edited: The files that the examples have changed, before anything was generated.
    """

    folder: Path
    edited: frozenset[str]

    def run(self, *arguments: str) -> str:
        """Run Python in it, with its own signalscope, and return what it prints.

        Raises:
            AssertionError: It fails.
        """
        return _run(self.folder, *arguments)


def _run(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALSCOPE_")}
    environment |= {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6_000:]
    return done.stdout


def _differing(folder: Path) -> Iterator[str]:
    """Yield the files of a copy that are not what they are in the checkout."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and path.read_bytes() != (ROOT / name).read_bytes():
            yield str(name)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Apply every block, then generate, as the page says."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in _COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "images", "static")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    for block in BLOCKS:
        block.apply(folder)
    edited = frozenset(_differing(folder))
    _run(folder, "-m", "signalscope", "generate")
    return Checkout(folder, edited)


@pytest.fixture(scope="module")
def recorded(checkout: Checkout) -> dict[str, Any]:
    """The contract's entry, and the values of a process of the copy that has recorded some measurements."""
    values: dict[str, Any] = json.loads(checkout.run("-c", _RECORDED))
    return values


def _keys(block: Block) -> list[str]:
    """Return the keys of the rows that a block adds."""
    return [row[1] for line in block.lines if (row := re.match(r'\+ +"(\w+)": series\(', line))]


def test_a_derived_metric_is_one_row(checkout: Checkout) -> None:
    """Its example has one block, which adds one row and takes nothing away; another block shows who reads it."""
    (block,) = [block for block in BLOCKS if block.example == _METRIC]
    assert block.path.startswith("src/signalscope/derived/table/")
    assert _keys(block) == ["REFUSED_RATE"]
    assert not [line for line in block.lines if line.startswith("-")]
    assert [block.path for block in BLOCKS if block.example == _READER] == [
        "src/signalscope/mixin/dashboards/developer.py"
    ]
    assert checkout.edited == {block.path for block in BLOCKS}


def test_an_instrument_with_rule_and_panel_is_five_files() -> None:
    """The contract, the code that records, one row, a panel and a test; no other file is edited by hand."""
    files = {block.path for block in BLOCKS if block.example == _INSTRUMENT}
    assert len(files) <= 5
    folders = ("contract", "metrics.py", "derived/table", "mixin/dashboards")
    for folder in (*(f"src/signalscope/{name}" for name in folders), "tests"):
        assert [path for path in files if path.startswith(folder)], folder
    assert [_keys(block) for block in BLOCKS if "derived/table" in block.path] == [
        ["REFUSED_RATE"],
        ["WORK_CPU_P95"],
    ]


def test_the_instrument_is_in_the_contract(checkout: Checkout, recorded: dict[str, Any]) -> None:
    """Under the name that the page gives it, also in the generated page of metrics."""
    assert recorded["prometheus_name"] == "signal_service_work_cpu_seconds"
    assert recorded["emitted_by"] == "measure_cost"
    page = (checkout.folder / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert "signal_service_work_cpu_seconds" in page


@pytest.mark.needs("promtool")
def test_rules_and_process_agree(checkout: Checkout, recorded: dict[str, Any], tmp_path: Path) -> None:
    """The generated rules are valid, and record what a process computes from the same measurements."""
    rules = checkout.folder / "rules" / "signalscope-recordings.yaml"
    command = [str(binaries.find("promtool")), "check", "rules", str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wanted, values = [], {}
    for key, (name, optional, vector) in recorded["rows"].items():
        expected = {tuple((label, text) for label, text in labels): value for labels, value in vector}
        values[key] = expected
        wanted += list(claims_of(name, tuple(optional), expected, at=900))
    assert values == {
        "REFUSED_RATE": {(): pytest.approx(25), (("endpoint", "/a"),): pytest.approx(25)},
        "WORK_CPU_P95": {(("operation_type", "chain"),): pytest.approx(0.048)},
    }
    promtool(tmp_path, rules, list(_inputs(recorded["boundaries"])), wanted)


def _inputs(boundaries: list[float]) -> Iterator[dict[str, str]]:
    """The measurements of `_RECORDED`, again and again, as promtool reads them."""
    always = 'job="signal-service",instance="a"'
    for status, number in (("200", 3), ("429", 1)):
        labels = f'{always},endpoint="/a",method="GET",status_code="{status}",user_tier="free"'
        yield {"series": f"signal_service_api_requests_total{{{labels}}}", "values": f"0+{number}x40"}
    for boundary in (*map(str, boundaries), "+Inf"):
        labels = f'{always},operation_type="chain",complexity="simple",le="{boundary}"'
        step = int(float(boundary) >= 0.02)
        yield {"series": f"signal_service_work_cpu_seconds_bucket{{{labels}}}", "values": f"0+{step}x40"}


def test_rules_and_panels_are_generated(checkout: Checkout, recorded: dict[str, Any]) -> None:
    """Each row has one rule in the file of rules, and a panel of the dashboard reads it."""
    text = (checkout.folder / "rules/signalscope-recordings.yaml").read_text(encoding="utf-8")
    records = [rule["record"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    board = json.loads((checkout.folder / "dashboards/developer.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    for name, _, _ in recorded["rows"].values():
        assert records.count(name) == 1
        assert [expression for expression in shown if name in expression], name


def test_the_other_tests_accept_the_examples(checkout: Checkout) -> None:
    """Both are read, named and labelled as they must be, and the code is formatted and clean."""
    checkout.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *_GATES)
    edited = sorted(checkout.edited)
    checkout.run("-m", "ruff", "check", "--no-cache", *edited)
    checkout.run("-m", "ruff", "format", "--no-cache", "--check", *edited)


def test_a_place_that_has_changed_is_named(tmp_path: Path) -> None:
    """A block whose context is gone fails with the file and the lines that it looks for."""
    page = "<!-- example: instrument -->\n```diff\n--- code.py\n def old() -> None:\n+    pass\n```\n"
    (block,) = _blocks(page)
    (tmp_path / "code.py").write_text("\ndef new() -> None:\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"code\.py: 0 places .*\n.*def old"):
        block.apply(tmp_path)
