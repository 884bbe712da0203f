"""Derived numbers: each is declared once, as an expression that Prometheus records and one process can compute.

`get` returns a row of the table by its key; `groups` returns the recording rules. To add a number, add a row in
`signalscope.derived.table`. `signalscope.derived.read` reads present values from Prometheus or from this process.
"""

from signalscope.derived._rows import Group, Row, Rule, all_series, get, groups

__all__ = ["Group", "Row", "Rule", "all_series", "get", "groups"]
