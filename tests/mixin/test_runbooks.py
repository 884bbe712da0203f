"""Runbooks: a page for every alert, complete, with queries about what exists."""

from __future__ import annotations

import pytest
from tests.mixin.expressions import labels_of
from tests.mixin.runbook_pages import RUNBOOKS, queries_of

from signalscope.mixin.alerts import Alert, alerts
from signalscope.mixin.config import Config

_PARTS = ("Meaning", "Impact", "First response", "When it fires", "Diagnosis", "Mitigation")


def test_there_is_a_page_for_every_alert_and_no_other() -> None:
    """So that the link in an alert leads somewhere, and no page is about an alert that is gone."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {alert.name for alert in alerts(Config())}


@pytest.mark.parametrize("alert", alerts(Config()), ids=lambda alert: alert.name)
def test_a_page_is_complete(alert: Alert) -> None:
    """Every part is there and is not empty, and every query names only what exists."""
    page = RUNBOOKS / f"{alert.name}.md"
    text = page.read_text(encoding="utf-8")
    for part in _PARTS:
        body = text.partition(f"## {part}\n")[2].partition("\n## ")[0]
        assert len(body.strip()) > 20, part
    assert "\n1. " in text.partition("## Mitigation")[2]
    for query in queries_of(page):
        labels_of(query)
