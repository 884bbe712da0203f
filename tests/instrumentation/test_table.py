"""Every integration has a description, an entry point for the launcher, and documentation."""

from __future__ import annotations

import tomllib

from opentelemetry.util._importlib_metadata import entry_points

from signalscope import contract
from signalscope.binaries import ROOT
from signalscope.instrumentation._table import libraries, page


def test_each_integration_has_an_entry_point_of_its_name() -> None:
    """Each entry point belongs to an integration; the installed entry points are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["entry-points"]["opentelemetry_instrumentor"]
    assert set(declared) == {library.name for library in libraries()}
    installed = {point.name: point.value for point in entry_points(group="opentelemetry_instrumentor")}
    assert declared.items() <= installed.items()
    for library in libraries():
        module, _, name = declared[library.name].partition(":")
        loaded = vars(__import__(module, fromlist=[name]))[name]
        assert loaded.library is library


def test_no_extra_stops_every_instrumentor() -> None:
    """The launcher skips all instrumentors of a distribution if one package of these extras is missing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not {"instruments", "instruments-any", "instruments_any"} & set(project["optional-dependencies"])


def test_each_integration_feeds_metrics_of_the_contract() -> None:
    """A name that is not in the contract is an error."""
    for library in libraries():
        assert library.measures
        for name in library.measures:
            contract.get(name)


def test_the_page_has_every_integration() -> None:
    """The page has the versions, the metrics and the parts that are not measured."""
    shown = page("Generated.")
    for library in libraries():
        assert f"### {library.title}\n" in shown
        for requirement in library.supports:
            assert f"`{requirement}`" in shown
