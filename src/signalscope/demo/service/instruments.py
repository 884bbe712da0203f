"""The thresholds family: instruments that the reference service adds to the contract.

Any service adds instruments in this way: declare them, call `contract.extend`, and record with
`signalscope.recording`.
"""

from __future__ import annotations

from signalscope import contract
from signalscope.contract import Attribute, Instrument, Kind

THRESHOLD_TYPES = ("price_move", "realised_volatility")
SEVERITIES = ("critical", "warning", "info")

_TYPE = Attribute("threshold_type", "The value that the threshold watches.", THRESHOLD_TYPES)
_SEVERITY = Attribute("severity", "The urgency of a breach.", SEVERITIES)
_CHANNEL = Attribute("channel", "The service that the alert was sent to.", cap=20)
_OUTCOME = Attribute("outcome", "The result of the delivery.", ("success", "error"))
_EMITTED_BY = "signalscope.demo.service.thresholds"
_SECTION = "Thresholds (reference service)"

INSTRUMENTS = (
    Instrument(
        "signal_service.thresholds.active", Kind.GAUGE, "{threshold}", "Watched thresholds of users.",
        _EMITTED_BY, (_TYPE, _SEVERITY), section=_SECTION,
    ),
    Instrument(
        "signal_service.threshold.checks", Kind.COUNTER, "{check}", "Comparisons of a threshold with the market.",
        _EMITTED_BY, (_TYPE,), section=_SECTION,
    ),
    Instrument(
        "signal_service.threshold.breaches", Kind.COUNTER, "{breach}",
        "Checks that found the threshold reached.", _EMITTED_BY, (_TYPE, _SEVERITY), section=_SECTION,
    ),
    Instrument(
        "signal_service.threshold.check.duration", Kind.HISTOGRAM, "s", "Duration of a check.",
        _EMITTED_BY, (_TYPE,), (0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0), section=_SECTION,
    ),
    Instrument(
        "signal_service.alerts.sent", Kind.COUNTER, "{alert}", "Alerts that the alert service accepted.",
        _EMITTED_BY, (_CHANNEL, _SEVERITY), section=_SECTION,
    ),
    Instrument(
        "signal_service.alert.delivery.duration", Kind.HISTOGRAM, "s",
        "Time from the breach to the answer of the alert service.",
        _EMITTED_BY, (_CHANNEL, _OUTCOME), (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
        section=_SECTION,
    ),
)  # fmt: skip

contract.extend(*INSTRUMENTS)
