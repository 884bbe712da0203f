"""What alerts and SLOs are about; whose they are follows from that, by ``[teams]`` of the configuration."""

from __future__ import annotations

from typing import Literal

Domain = Literal[
    "service", "greeks", "signals", "cache", "queue", "dependency", "business", "capacity", "telemetry"
]
