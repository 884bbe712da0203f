"""Derived series: numbers such as the error rate, each declared once as an expression.

Prometheus records the expression as a recording rule, and a process can compute its own value from it. Each series is
a row of the table in `signalscope.derived.table`:

* `get` finds a row by its key.
* `all_series` lists the rows.
* `groups` returns the recording rules.

`signalscope.derived.read` reads the current values from Prometheus or from this process.

Example:
    >>> from signalscope import derived
    >>> derived.get("API_P95").unit
    's'
"""

from signalscope.derived._registry import all_series, get
from signalscope.derived._rows import Group, Row, Rule, groups

__all__ = ["Group", "Row", "Rule", "all_series", "get", "groups"]
