"""The weights of media types in an Accept header."""

from __future__ import annotations

import re

_WEIGHT = re.compile(r"0(\.\d*)?|1(\.0*)?")


def weights(accept: str) -> dict[str, float]:
    """Return the weight of each media type, 0 to 1, in the order of the header (RFC 9110, 12.5.1).

    A media type that occurs several times gets its greatest weight. An invalid weight counts as 0.
    """
    weight_by_type: dict[str, float] = {}
    for media_range in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in media_range.split(";"))
        text = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        weight = float(text) if _WEIGHT.fullmatch(text) else 0.0
        weight_by_type[kind] = max(weight, weight_by_type.get(kind, 0.0))
    return weight_by_type
