"""What is committed below deploy/demo: the demo's rules, dashboards and configuration of servers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from signalscope import binaries, contract
from signalscope.config import load
from signalscope.demo.service.instruments import INSTRUMENTS

ROOT = binaries.ROOT
CONFIG = ROOT / "src" / "signalscope" / "demo" / "service" / "signalscope.toml"
GENERATED = ROOT / "deploy" / "demo"


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that `make generate` runs for the demo, with more arguments."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (demo,) = re.findall(r"^DEMO := (.*)$", makefile, re.MULTILINE)
    command = [sys.executable, "-m", "signalscope", "generate", *demo.split(), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_committed_files_are_what_the_demo_s_configuration_gives(tmp_path: Path) -> None:
    """No file is out of date, and none is left from a generator of before."""
    assert _generate("--check").stdout == "Everything is up to date.\n"
    assert _generate("--out", str(tmp_path)).returncode == 0
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    committed = {path.relative_to(GENERATED) for path in GENERATED.rglob("*") if path.is_file()}
    assert committed - made == {Path("README.md")}


def test_the_demo_s_instruments_and_prices_are_in_it() -> None:
    """As a user's would be: from the configuration that names them."""
    board = (GENERATED / "dashboards" / "extended.json").read_text(encoding="utf-8")
    for one in INSTRUMENTS:
        assert one.series_names[0] in board
    rules = yaml.safe_load((GENERATED / "rules" / "signalscope-recordings.yaml").read_text(encoding="utf-8"))
    prices = {
        rule["labels"]["user_tier"]: rule["expr"]
        for group in rules["groups"]
        for rule in group["rules"]
        if rule["record"] == "job_user_tier:signal_service_subscription_price:monthly"
    }
    assert prices == {
        tier: f"vector({price:g})" for tier, price in load(CONFIG).business.monthly_prices.items()
    }
    assert {one.name for one in INSTRUMENTS} <= {one.name for one in contract.extensions()}


def test_containers_read_the_service_s_configuration_where_it_is() -> None:
    """The image has src/ below /app: a wrong path would cost the prices, with one line in a log."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    path = compose["services"]["service"]["environment"]["SIGNALSCOPE_CONFIG"]
    assert ROOT / path.removeprefix("/app/") == CONFIG
    assert "COPY src ./src" in (ROOT / "deploy" / "compose" / "Dockerfile").read_text(encoding="utf-8")
