"""The config: a user's file overrides it, and a mistake in that is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalscope.mixin.alerts import alerts
from signalscope.mixin.config import Config, ConfigError, load


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    """The threshold is in the rule, and everything else is as it was."""
    config = load(_file(tmp_path, '[thresholds]\napi_p95_seconds = 3.5\n[selectors]\njob = "my-signals"\n'))
    rules = {alert.name: alert for alert in alerts(config)}
    assert rules["SignalServiceHighLatency"].expr.endswith("> 3.5")
    assert 'job="my-signals"' in rules["SignalServiceDown"].expr
    assert config.windows == Config().windows
    assert load(None) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[thresholds]\n\napi_p95 = 3\n",
            r"my.toml:3: thresholds.api_p95: there is no such key; did you mean api_p95_seconds\?",
        ),
        (
            "[treshold]\n",
            r"my.toml:1: treshold: there is no such key; did you mean thresholds\? There are: pipeline, selectors",
        ),
        ("[holds]\ncpu = -1\n", r"my.toml:2: holds.cpu: .*greater than or equal to 0"),
        ('[windows]\nlatency = "2m"\n', r"my.toml:2: windows.latency: .*valid integer"),
        ('[selectors]\njob = "a\\"b"\n', r"my.toml:2: selectors.job: .*pattern"),
        ("[holds\n", r"my.toml: not TOML: .*line 1"),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    """Each is one clear error."""
    with pytest.raises(ConfigError, match=message):
        load(_file(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(ConfigError, match=r"none.toml: No such file"):
        load(tmp_path / "none.toml")
