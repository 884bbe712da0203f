"""The configuration: a file of the user overrides it, and the messages explain errors in that file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from signalscope import binaries, derived
from signalscope.config import Config, ConfigError, defaults, load
from signalscope.derived import groups
from signalscope.mixin.alerts import alerts
from signalscope.mixin.generate import generate


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    """The rule contains the threshold of the file, and all other values keep their defaults."""
    config = load(_file(tmp_path, '[thresholds]\napi_p95_seconds = 3.5\n[selectors]\njob = "my-signals"\n'))
    rules = {alert.name: alert for alert in alerts(config)}
    assert rules["SignalServiceHighLatency"].expr.count("> 3.5") == 2
    assert 'job="my-signals"' in rules["SignalServiceDown"].expr
    assert config.windows == Config().windows
    assert load(None) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[thresholds]\n\napi_p95 = 3\n",
            r"my.toml:3: thresholds.api_p95: unknown key; did you mean api_p95_seconds\?",
        ),
        (
            "[treshold]\n",
            r"my.toml:1: treshold: unknown key; did you mean thresholds\? The keys are: pipeline, selectors",
        ),
        ("[holds]\ncpu = -1\n", r"my.toml:2: holds.cpu: .*greater than or equal to 0 \[SS104\]$"),
        (
            '[windows]\n[histograms]\nkind = "exponential"\n',
            r"my.toml:3: histograms.kind: Input should be 'classic' or 'native'",
        ),
        (
            '[scope]\nlabels = ["cluster", "user_tier"]\n',
            r"my.toml:2: scope.labels: 'user_tier' is a label of the contract; use one that",
        ),
        ('\n[scope]\nlabels = ["le"]\n', r"my.toml:3: scope.labels: 'le' is a label of the rules"),
        ('[scope]\nlabels = ["instance"]\n', r"my.toml:2: scope.labels: 'instance' is a label of the rules"),
        (
            '[scope]\nlabels = ["k8s-cluster"]\n',
            r"my.toml:2: scope.labels: 'k8s-cluster' is not a label name",
        ),
        (
            '[scope]\nlabels = ["cluster", "region", "cluster"]\n',
            r"my.toml:2: scope.labels: 'cluster' is listed more than once; write it once",
        ),
        ('[windows]\nlatency = "2m"\n', r"my.toml:2: windows.latency: .*valid integer"),
        ('[selectors]\njob = "a\\"b"\n', r"my.toml:2: selectors.job: .*pattern"),
        (
            '[slos.vectorized]\nobjective = 0.9\nalert = "burn-rate"\n',
            r"my.toml:1: slos.vectorized: .*burn rate of 14.4 can never fire.*above 0.9306 \[SS113\]$",
        ),
        (
            "[slos.errors]\n\nobjective = 0.9\n",
            r"my.toml:1: slos.errors: with an objective of 0.9 an alert at a burn rate of 14.4",
        ),
        (
            "[slos.api_latency]\nseconds = 0.6\n",
            r"my.toml:2: slos.api_latency.seconds: 0.6 is not a bucket boundary; the nearest is 0.5 \[SS107\]$",
        ),
        (
            "[slos.vectorised]\nobjective = 0.9\n",
            r"my.toml:1: slos.vectorised: unknown key; did you mean vectorized\?",
        ),
        (
            "[slos.errors]\nobjectiv = 0.9\n",
            r"my.toml:2: slos.errors.objectiv: unknown key; did you mean objective\?.* \[SS103\]$",
        ),
        (
            '[business.monthly_prices]\nfree = 0\ngold = "much"\n',
            r"my.toml:3: business.monthly_prices.gold: .*valid number",
        ),
        ("[holds\n", r"my.toml:1: not TOML: Expected ']'"),
        ("[holds]\ncpu = 1\ncpu = 2\n", r"my.toml:3: not TOML: Cannot overwrite a value \(column 8\)"),
        ("[holds]\ncpu =", r"my.toml: not TOML: .*end of document"),
        (
            "[slos]\nerrors = 3\n",
            r"my.toml:2: slos.errors: it is a table: write \[slos.errors\] and its keys below",
        ),
        ("[pipeline]\nscrape = 0\n", r"my.toml:2: pipeline.scrape: .*greater than or equal to 1"),
        ("[windows]\nzzz = 1\n", r"my.toml:2: windows.zzz: unknown key. The keys are: "),
        ("[thresholds]\napi_p95_seconds = inf\n", r"my.toml:2: thresholds.api_p95_seconds: .*finite number"),
        ("[thresholds]\ncpu_percent = true\n", r"my.toml:2: thresholds.cpu_percent: .*not true or false"),
        ('[holds]\ncpu = "30"\n', r"my.toml:2: holds.cpu: .*valid integer"),
        # With these limits, no alert could ever fire.
        (
            "[thresholds]\napi_p95_seconds = 30\n",
            r"my.toml:2: thresholds.api_p95_seconds: .*api.request.duration is never above 30 s",
        ),
        (
            "[thresholds]\nvectorized_p90_seconds = 60\n",
            r"my.toml:2: thresholds.vectorized_p90_seconds: .*never above 10 s",
        ),
        (
            "[thresholds]\ndependency_error_ratio = 1\n",
            r"my.toml:2: thresholds.dependency_error_ratio: .*less",
        ),
        (
            "[thresholds]\nbreaker_closed_ratio = 0\n",
            r"my.toml:2: thresholds.breaker_closed_ratio: .*greater",
        ),
        ("[slos.errors]\nobjective = 0.9999999999\n", r"my.toml:1: slos.errors: .*too close to 0 or 1"),
        # Prometheus would refuse these texts, or read them as something else.
        (
            '[selectors]\ngreeks_endpoints = "(["\n',
            r"my.toml:2: selectors.greeks_endpoints: '\(\[' is not a regular expression: ",
        ),
        (
            '[selectors]\ncritical_dependencies = "(?!x).*"\n',
            r"my.toml:2: selectors.critical_dependencies: .*'\(\?!'",
        ),
        ('[selectors]\nshared_queues = "*"\n', r"my.toml:2: selectors.shared_queues: .*nothing to repeat"),
        ('[selectors]\njob = "prometheus"\n', r"my.toml:2: selectors.job: .*pipeline's own"),
        ('[teams]\ngreeks = "a{{b"\n', r"my.toml:2: teams.greeks: .*template"),
        ('[calendar]\nopens = "09:30+02:00"\n', r"my.toml:2: calendar.opens: .*local time .*09:30:00"),
        ("[calendar]\ncloses = 16\n", r"my.toml:2: calendar.closes: .*local time"),
        (
            '[calendar.early_closes]\n2026-11-27 = "13:00Z"\n',
            r"my.toml:2: calendar.early_closes.2026-11-27: .*local time",
        ),
        ("[calendar]\nvalid_until = 9999-12-31\n", r"my.toml:2: calendar.valid_until: .*2100-12-31"),
        ("[calendar]\nvalid_from = 0001-01-01\n", r"my.toml:2: calendar.valid_from: .*1990-01-01"),
        # Prometheus drops a value after five minutes; a rate needs two values in its window.
        ("[pipeline]\nhistory = 600\n", r"my.toml:2: pipeline.history: .*less than or equal to 240"),
        ("[pipeline]\nscrape = 200\n", r"my.toml:2: pipeline.scrape: .*less than or equal to 120"),
        (
            "[pipeline]\nexport = 60\n[windows]\nlatency = 240\ngreeks = 120\ncpu = 60\n",
            r"my.toml:6: windows.cpu: 60 s .*two values.* every 60 s \(pipeline.export\).* at least 120 \[SS110\]$",
        ),
        (
            "[forecast]\nscale_ahead = 60\n",
            r"my.toml:2: forecast.scale_ahead: 60 s .*pipeline.forecast.* at least 240",
        ),
        (
            "[pipeline]\nexport = 20\n[forecast]\nflapping_window = 30\n",
            r"my.toml:4: forecast.flapping_window: 30 s .*pipeline.export.* at least 40",
        ),
        ("[kpis]\nscaling_lead_seconds = 200000\n", r"my.toml:2: kpis.scaling_lead_seconds: .*172800"),
        ("[pipeline]\nscrape = 40\n", r"my.toml:1: windows.cpu: .*pipeline.scrape.* at least 80"),
    ],
)
def test_configuration_errors_name_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    """Each error is one line, and ends with its code."""
    with pytest.raises(ConfigError, match=message) as caught:
        load(_file(tmp_path, text))
    assert all(re.search(r" \[SS1\d\d\]$", line) for line in str(caught.value).splitlines())


def test_a_part_of_an_objective_keeps_the_rest(tmp_path: Path) -> None:
    """Only the keys of the file change; a threshold instead of a burn rate makes another alert."""
    config = load(_file(tmp_path, '[slos.dependencies]\nalert = "threshold"\n'))
    assert config.slos.dependencies.objective == Config().slos.dependencies.objective
    names = {alert.name for alert in alerts(config)}
    assert "DependencyHealthObjectiveMissed" in names
    assert not {name for name in names if name.startswith("DependencyHealthBudget")}


@pytest.mark.needs("promtool")
def test_rules_of_another_configuration_are_valid(tmp_path: Path) -> None:
    """Another job, other thresholds, no prices, shared queues: promtool accepts the rules without lint warnings."""
    text = """
runbooks = "https://wiki.example/runbooks"
[selectors]
job = "desk-7"
shared_queues = "work|mail"
[slos]
availability = { alert = "threshold" }
errors = { objective = 0.95, min_events = 0 }
[business]
monthly_prices = {}
feature_operations = {}
premium_tiers = ["gold"]
[windows]
latency = 45
[teams]
greeks = "desk"
"""
    config = load(_file(tmp_path, text))
    generate(config, tmp_path / "out")
    rules = sorted((tmp_path / "out" / "rules").glob("*.yaml"))
    done = subprocess.run(
        [binaries.find("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *map(str, rules)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    texts = "".join(path.read_text(encoding="utf-8") for path in rules)
    assert "desk-7" in texts
    assert "signal-service" not in texts
    # The prices of the reference service do not apply to other services.
    assert not (tmp_path / "out" / "deploy" / "prometheus" / "own").exists()
    assert derived.get("TIER_PRICE").name not in {
        rule.record for group in groups(config, "recordings") for rule in group.rules
    }


def test_the_message_names_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    """The error is a ConfigError, after which a service continues with the defaults."""
    path = tmp_path / "my.toml"
    path.write_bytes("[selectors]\njob = 'büro'\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"my.toml: not TOML: it is not UTF-8 \[SS102\]$"):
        load(path)


def test_the_message_names_a_file_that_does_not_exist(tmp_path: Path) -> None:
    """The message contains the reason that the operating system gives."""
    with pytest.raises(ConfigError, match=r"none.toml: No such file or directory \[SS101\]$"):
        load(tmp_path / "none.toml")


@pytest.mark.needs("promtool")
def test_names_of_services_tiers_and_features_are_not_patterns(tmp_path: Path) -> None:
    """A tier `pro+(` matches only that tier; links contain a job with spaces in encoded form."""
    text = """
grafana = "https://grafana.example/"
runbooks = "https://wiki.example/"
[selectors]
job = "Signals & Greeks (v2)"
[business]
premium_tiers = ["pro+("]
feature_operations = { "scan(v2" = "a$1" }
"""
    config = load(_file(tmp_path, text))
    generate(config, tmp_path / "out")
    rules = sorted(map(str, (tmp_path / "out" / "rules").glob("*.yaml")))
    check = [str(binaries.find("promtool")), "check", "rules", "--lint=all", "--lint-fatal", *rules]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    by_key = {rule.key: rule.expr for group in groups(config, "recordings") for rule in group.rules}
    assert r'user_tier=~"pro\\+\\("' in by_key["PREMIUM_ADOPTION"]
    assert r'"a$$1", "feature", "scan\\(v2"' in by_key["PROFITABILITY"]
    links = alerts(config)[0].annotations(config)
    assert links["dashboard_url"].startswith("https://grafana.example/d/")
    assert links["dashboard_url"].endswith("?var-job=Signals%20%26%20Greeks%20%28v2%29")
    assert links["runbook_url"] == "https://wiki.example/SignalServiceDown.md"


_WITHOUT_PYDANTIC = """
import sys, types
sys.modules["pydantic"] = None
package = sys.modules["signalscope"] = types.ModuleType("signalscope")
package.__path__ = [sys.argv[1]]
import signalscope.config
from signalscope.config.defaults import RATE_SECONDS
print(RATE_SECONDS)
try:
    signalscope.config.Config
except ModuleNotFoundError as error:
    print(error.name)
"""


def test_defaults_need_no_pydantic() -> None:
    """The SDK reads its windows from `defaults` if only its own dependencies are installed; models need pydantic."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PYDANTIC, str(binaries.ROOT / "src" / "signalscope")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["300", "pydantic"]


def test_the_configuration_without_a_file_has_the_defaults() -> None:
    """The windows that the SDK uses without pydantic are those of the rules."""
    config = Config()
    assert (config.windows.rate, config.windows.hour) == (defaults.RATE_SECONDS, defaults.HOUR_SECONDS)
    assert config.slos.period_days == defaults.SLO_PERIOD_DAYS


def test_the_windows_of_objectives_follow_the_table_of_burn_rates() -> None:
    """Each window that an alert reads is recorded, and so is the whole period."""
    assert defaults.SLO_WINDOWS == ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    assert {window.long for window in defaults.BURN_RATE_WINDOWS} == set(defaults.BURN_RATES)
    for window in defaults.BURN_RATE_WINDOWS:
        assert defaults.seconds(window.short) * 12 == defaults.seconds(window.long)
