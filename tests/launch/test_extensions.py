"""Instruments of the user, which ``[contract] import`` of the configuration names."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

from signalscope.cli import _app
from signalscope.cli._errors import UserError
from signalscope.config import load

_ORDERS = """
from signalscope import contract
contract.extend(contract.Instrument("orders.placed", contract.Kind.COUNTER, "{order}", "Orders placed.", "me"))
"""


def _run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "signalscope", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", ["desk", "elsewhere"])
def test_modules_are_found_beside_the_file_and_in_the_current_folder(tmp_path: Path, folder: str) -> None:
    """The instruments are in the contract and have a row in the dashboards."""
    for name in ("desk", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / folder / "orders.py").write_text(_ORDERS, encoding="utf-8")
    (tmp_path / "desk" / "my.toml").write_text('[contract]\nimport = ["orders"]\n', encoding="utf-8")
    config = ("--config", "../desk/my.toml")
    where = tmp_path / "elsewhere"
    assert "### orders_placed_total" in _run(where, "contract", *config, "--format", "markdown").stdout
    done = _run(where, "generate", *config, "--out", "out", "--only", "dashboards/extended.json")
    assert done.returncode == 0, done.stderr
    assert "orders_placed_total" in (where / "out" / "dashboards" / "extended.json").read_text(
        encoding="utf-8"
    )
    shown = _run(where, "dashboards", "payload", "extended", *config)
    assert "orders_placed_total" in json.dumps(json.loads(shown.stdout))


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ('import = ["nothing_there"]', "", "nothing_there: there is neither a file nor a package 'nothing_there'"),
        (
            'import = ["orders"]',
            "import nothing_there",
            "orders: there is neither a file nor a package 'nothing_there'",
        ),
        ('import = ["orders"]', "\nx = (", "orders: {folder}/orders.py:2: '(' was never closed"),
        ('import = ["orders"]', "\n1 / 0", "orders: {folder}/orders.py:2: ZeroDivisionError: division by zero"),
        ('import = ["orders"]', _ORDERS.replace("orders.placed", "Orders"),
         "orders: instrument 'Orders': use dotted lower-case words"),
        ('import = "orders"', "", 'write a list: import = ["orders"]'),
        ('import = ["my-orders"]', "", "'my-orders' is not the name of a module; write a name such as"),
        ("import = [7]", "", "Input should be a valid string"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_named_with_its_place(
    tmp_path: Path, line: str, code: str, message: str
) -> None:
    """One line has the file, the line, the key and the reason."""
    (tmp_path / "orders.py").write_text(code, encoding="utf-8")
    (tmp_path / "my.toml").write_text(f"# mine\n[contract]\n{line}\n", encoding="utf-8")
    done = _run(tmp_path, "generate", "--config", "my.toml", "--check")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: my.toml:3: contract.import: {message.format(folder=tmp_path)}"), (
        done.stderr
    )
    assert len(done.stderr.splitlines()) == 1


def test_the_label_of_an_imported_instrument_cannot_be_a_scope(tmp_path: Path) -> None:
    """The label would say two things at once: where the service runs, and what the instrument counts."""
    attribute = 'contract.Attribute("desk", "The trading desk.")'
    (tmp_path / "orders.py").write_text(_ORDERS.replace('"me")', f'"me", ({attribute},))'), encoding="utf-8")
    (tmp_path / "my.toml").write_text(
        '[scope]\nlabels = ["desk"]\n[contract]\nimport = ["orders"]\n', encoding="utf-8"
    )
    done = _run(tmp_path, "generate", "--config", "my.toml", "--check")
    assert done.returncode == 1
    assert done.stderr.startswith("error: my.toml:2: scope.labels: 'desk' is a label of the contract")


def test_a_misspelt_key_is_reported_by_the_name_that_users_write(tmp_path: Path) -> None:
    """The message has the key of the file, not the name of the attribute in the model."""
    (tmp_path / "my.toml").write_text("[contract]\nimprot = []\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"my.toml:2: contract.improt: .*did you mean import\? The keys are: import"
    ):
        load(tmp_path / "my.toml")


def test_loading_a_configuration_imports_nothing(tmp_path: Path) -> None:
    """A running service reads its thresholds without running code that the file names."""
    (tmp_path / "my.toml").write_text('[contract]\nimport = ["nothing_there"]\n', encoding="utf-8")
    assert load(tmp_path / "my.toml").contract.imports == ("nothing_there",)


def test_only_a_part_can_be_generated(tmp_path: Path) -> None:
    """The part is a folder or a file; for a wrong path the error names the right ones."""
    assert _run(tmp_path, "generate", "--only", "rules", "--only", "docs/metrics.md").returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"rules", "docs"}
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["metrics.md"]
    done = _run(tmp_path, "generate", "--only", "rule")
    assert done.returncode == 1
    assert done.stderr == (
        "error: --only: no generated file is below 'rule'; use one of: dashboards, deploy, docs, rules [SS601]\n"
    )


def test_a_command_of_another_package_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the entry point and the reason; other commands still work."""
    broken = EntryPoint("orders", "nothing_there:app", "signalscope.commands")
    monkeypatch.setattr(_app, "_entry_points", lambda: {"orders": broken})
    result = CliRunner().invoke(_app.app, ["orders"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(
        "the command orders cannot be loaded: nothing_there:app: ModuleNotFoundError: No module named"
    )
    assert CliRunner().invoke(_app.app, ["--version"]).exit_code == 0
