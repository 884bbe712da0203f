"""Derived numbers: each is declared once, as an expression that Prometheus records and one process can compute.

`get` finds a row of the table by its key; `groups` gives the recording rules. A new number is one row in
`signalscope.derived.table`. `signalscope.derived.read` gives present values, of Prometheus or of this process.
"""

from signalscope.derived._registry import all_series, get
from signalscope.derived._rows import Group, Row, Rule, groups

__all__ = ["Group", "Row", "Rule", "all_series", "get", "groups"]
