"""The rendered contract: Markdown, registry YAML and terminal table agree with the contract."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

import signalscope.demo.service.instruments  # noqa: F401  # adds instruments to the contract
from signalscope import contract
from signalscope.contract import _registry
from signalscope.contract._model import index
from signalscope.contract._render import render_table, to_markdown, to_semconv_yaml
from signalscope.contract._table import BUILT_IN

ROOT = Path(__file__).parents[2]


def test_the_committed_metrics_page_is_the_generated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/metrics.md is the output of `signalscope contract --format markdown` (`make generate` writes it)."""
    monkeypatch.setattr(_registry, "_by_name", index(BUILT_IN))  # without the instruments of other tests
    assert (ROOT / "docs" / "metrics.md").read_text() == to_markdown()


def test_the_terminal_table_shows_every_name_whole_at_80_columns() -> None:
    """Users can copy each Prometheus name whole; labels, values and buckets are complete."""
    console = Console(file=io.StringIO(), width=80)
    render_table(console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO, given above

    assert not [row.prometheus_name for row in contract.instruments() if row.prometheus_name not in text]
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    words = {word.rstrip(",") for word in text.split()}
    for row in contract.instruments():
        assert {*row.attribute_names, *(f"{boundary:g}" for boundary in row.buckets or ())} <= words
        assert {value for attribute in row.attributes for value in (attribute.values or ())[:20]} <= words


def test_the_registry_defines_each_attribute_once_and_refers_to_it_from_metrics() -> None:
    """Weaver refuses a registry that defines an attribute twice or refers to an attribute without a definition."""
    groups = yaml.safe_load(to_semconv_yaml())["groups"]
    defined = [attribute["id"] for attribute in groups[0]["attributes"]]
    metrics = [group for group in groups if group["type"] == "metric"]

    assert len(set(defined)) == len(defined)
    assert {metric["metric_name"] for metric in metrics} == {row.name for row in contract.instruments()}
    assert {ref["ref"] for metric in metrics for ref in metric.get("attributes", ())} == set(defined)


def test_the_registry_allows_every_value_the_contract_allows() -> None:
    """An enum in the registry has `other` and the values of all instruments that use the key."""
    groups = yaml.safe_load(to_semconv_yaml())["groups"]
    enums = {
        attribute["id"]: {member["value"] for member in attribute["type"]["members"]}
        for attribute in groups[0]["attributes"]
        if isinstance(attribute["type"], dict)
    }

    assert enums
    for instrument in contract.instruments():
        for attribute in instrument.attributes:
            if attribute.name in enums:
                assert {*(attribute.values or ()), contract.OTHER} <= enums[attribute.name]
