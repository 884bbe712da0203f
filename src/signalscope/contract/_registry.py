"""The instruments of this process: the built-in instruments, and those that users add."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from collections.abc import Iterator

from signalscope.contract._model import ContractError, Instrument, index
from signalscope.contract._table import BUILT_IN

_logger = logging.getLogger("signalscope")
_lock = threading.Lock()
_by_name: dict[str, Instrument] = index(BUILT_IN)


def _renew_lock() -> None:
    """Free the lock in a forked child, where no other thread is left to release it."""
    global _lock  # noqa: PLW0603  # the child has one thread only
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # the hooks of signalscope.recording would be an import cycle
    os.register_at_fork(after_in_child=_renew_lock)


def instruments() -> Iterator[Instrument]:
    """Return all instruments: the built-in instruments, then the extensions in the order of their addition.

    Examples:
        >>> from signalscope import contract
        >>> "signal_service.api.requests" in [instrument.name for instrument in contract.instruments()]
        True
    """
    return iter(tuple(_by_name.values()))


def get(name: str) -> Instrument:
    """Return the instrument with an OpenTelemetry name.

    Args:
        name: The name, such as ``signal_service.api.requests``.

    Raises:
        ContractError: The contract has no such instrument.

    Examples:
        >>> from signalscope import contract
        >>> contract.get("signal_service.api.requests").attribute_names
        ('endpoint', 'method', 'status_code', 'user_tier')
    """
    try:
        return _by_name[name]
    except KeyError:
        raise ContractError(
            f"no instrument {name!r} in the contract; add it with signalscope.contract.extend(...) [SS208]"
        ) from None


def extensions() -> Iterator[Instrument]:
    """Return the instruments that were added with `extend`, in the order of their addition.

    Examples:
        >>> from signalscope import contract
        >>> from signalscope.contract import Instrument, Kind
        >>> contract.extend(Instrument("orders.lost", Kind.COUNTER, "{order}", "Orders lost.", "orders.desk"))
        >>> "orders.lost" in [instrument.name for instrument in contract.extensions()]
        True
    """
    built_in = {instrument.name for instrument in BUILT_IN}
    return iter([instrument for name, instrument in _by_name.items() if name not in built_in])


def extend(*extra: Instrument) -> None:
    """Add instruments to the contract. Adding an identical instrument again changes nothing.

    Args:
        extra: The instruments. They get a row in `signalscope contract` and in the generated dashboards.

    Raises:
        ContractError: A different instrument has the name, or two instruments would have the same name in Prometheus.

    Examples:
        >>> from signalscope import contract, recording
        >>> from signalscope.contract import Instrument, Kind
        >>> from signalscope.testing import capture
        >>> contract.extend(Instrument("orders.placed", Kind.COUNTER, "{order}", "Orders sent.", "orders.desk"))
        >>> with capture() as captured:
        ...     recording.get_instrument("orders.placed").series().record(1)
        ...     captured.value("orders_placed_total")
        1
    """
    global _by_name  # noqa: PLW0603  # replaced as a whole, so that readers need no lock
    with _lock:
        new = [instrument for instrument in extra if _by_name.get(instrument.name) != instrument]
        _by_name = index((*_by_name.values(), *new))


def allow(attribute: str, *values: str) -> None:
    """Add values to a closed attribute, in every instrument that has the attribute.

    Call it before you decorate the code that uses the values. Values that are already allowed change nothing.

    Args:
        attribute: The key of the attribute, such as ``user_tier`` or ``model_type``.
        values: The new values, at least one.

    Raises:
        ContractError: No instrument has a closed attribute with this key, or no value is given.

    Examples:
        >>> from signalscope import contract
        >>> contract.allow("user_tier", "platinum")
        >>> attributes = contract.get("signal_service.feature_usage").attributes
        >>> any("platinum" in (attribute.values or ()) for attribute in attributes)
        True
    """
    if not values:
        raise ContractError(f"no value to allow for attribute {attribute!r}; give at least one [SS209]")
    global _by_name  # noqa: PLW0603  # replaced as a whole, so that readers need no lock
    with _lock:
        closed = {key.name for entry in _by_name.values() for key in entry.attributes if key.values}
        if attribute not in closed:
            raise ContractError(
                f"no closed attribute {attribute!r} in the contract; use one of {', '.join(sorted(closed))} [SS209]"
            )
        _by_name = {name: _widened(instrument, attribute, values) for name, instrument in _by_name.items()}


def _widened(instrument: Instrument, name: str, values: tuple[str, ...]) -> Instrument:
    attributes = tuple(
        dataclasses.replace(attribute, values=tuple(dict.fromkeys((*attribute.values, *values))))
        if attribute.name == name and attribute.values
        else attribute
        for attribute in instrument.attributes
    )
    return dataclasses.replace(instrument, attributes=attributes)


def _allow_from_environment(setting: str) -> None:
    """Apply SIGNALSCOPE_ALLOW; log and skip parts with errors, because they must not stop a service."""
    for part in filter(None, (part.strip() for part in setting.split(";"))):
        attribute, _, values = part.partition("=")
        wanted = tuple(value.strip() for value in values.split(",") if value.strip())
        try:
            allow(attribute.strip(), *wanted)
        except ContractError as error:
            _logger.error(  # noqa: TRY400  # a traceback would not help the user
                "SIGNALSCOPE_ALLOW: %r is ignored: %s; write for example "
                "user_tier=gold,platinum;model_type=local_vol [SS210]",
                part,
                error,
            )


_allow_from_environment(os.environ.get("SIGNALSCOPE_ALLOW", ""))
