"""Windows that the whole package shares, in plain Python: the SDK needs them where pydantic is not installed.

The models of the configuration take their values from here. `signalscope.config.load` needs pydantic; this module
needs nothing.
"""

from __future__ import annotations

__all__ = ["HOUR_SECONDS", "RATE_SECONDS"]

#: How far rates, ratios and means look back: ``[5m]``. It is not a key of the configuration, because the names of
#: recorded series say it (``job:signal_service_api_requests:rate5m``): dashboards and rules of users read these
#: names, and another window under the same name would give them other numbers without a word.
RATE_SECONDS = 300
#: How far values of the business and increases look back: ``[1h]``. Fixed, since the label ``window="1h"`` of
#: active users and names such as ``sloth_window="1h"`` say it.
HOUR_SECONDS = 3600
