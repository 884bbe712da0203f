"""The committed files in deploy/demo: rules, dashboards and server configuration of the demo."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from signalscope import binaries, contract
from signalscope.config import load
from signalscope.demo.service.instruments import INSTRUMENTS

ROOT = binaries.ROOT
CONFIG = ROOT / "src" / "signalscope" / "demo" / "service" / "signalscope.toml"
GENERATED = ROOT / "deploy" / "demo"
PRICE = "job_user_tier:signal_service_subscription_price:monthly"


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that `make generate` runs for the demo, with more arguments."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (demo,) = re.findall(r"^DEMO := (.*)$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "signalscope", "generate", *demo.split(), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_committed_files_are_what_the_demo_s_configuration_gives(tmp_path: Path) -> None:
    """No file is out of date, and none is left from an older generator."""
    assert _generate("--check").stdout == "Everything is up to date.\n"
    assert _generate("--out", str(tmp_path)).returncode == 0
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    committed = {path.relative_to(GENERATED) for path in GENERATED.rglob("*") if path.is_file()}
    assert committed - made == {Path("README.md")}


def _groups(folder: Path) -> list[dict[str, Any]]:
    """Return the groups of recording rules in a folder."""
    text = (folder / "rules" / "signalscope-recordings.yaml").read_text(encoding="utf-8")
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    return groups


def test_the_demo_s_instruments_and_prices_are_in_it() -> None:
    """The configuration names the instruments and prices, as the configuration of a user would."""
    board = (GENERATED / "dashboards" / "extended.json").read_text(encoding="utf-8")
    for instrument in INSTRUMENTS:
        assert instrument.series_names[0] in board
    prices = {
        rule["labels"]["user_tier"]: rule["expr"]
        for group in _groups(GENERATED)
        for rule in group["rules"]
        if rule["record"] == PRICE
    }
    assert prices == {
        tier: f"vector({price:g})" for tier, price in load(CONFIG).business.monthly_prices.items()
    }
    assert {instrument.name for instrument in INSTRUMENTS} <= {
        instrument.name for instrument in contract.extensions()
    }


def test_nothing_of_the_demo_is_in_what_every_user_gets() -> None:
    """The default rules, dashboards and page of metrics have nothing of the demo."""
    paths = [*ROOT.glob("rules/**/*.y*ml"), *ROOT.glob("dashboards/*.json"), ROOT / "docs" / "metrics.md"]
    assert len(paths) > 12
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    for instrument in INSTRUMENTS:
        assert [path for path, text in texts.items() if instrument.prometheus_name in text] == []


def test_prices_slow_no_rule_down() -> None:
    """A constant is evaluated rarely, since it never changes; revenue is as frequent as without prices."""

    def intervals(folder: Path) -> set[tuple[str, str]]:
        return {(rule["record"], group["interval"]) for group in _groups(folder) for rule in group["rules"]}

    assert {pair for pair in intervals(GENERATED) if pair[0] != PRICE} == intervals(ROOT)


def test_containers_read_the_service_s_configuration_where_it_is() -> None:
    """The image has src/ in /app; a wrong path would lose the prices, with only a line in a log."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    path = compose["services"]["service"]["environment"]["SIGNALSCOPE_CONFIG"]
    assert ROOT / path.removeprefix("/app/") == CONFIG
    assert "COPY src ./src" in (ROOT / "deploy" / "compose" / "Dockerfile").read_text(encoding="utf-8")
