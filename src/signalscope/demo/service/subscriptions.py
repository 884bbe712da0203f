"""Who subscribed to which signals, and how they are delivered."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from signalscope.demo.service.signals import SIGNAL_TYPES, check_signal_type
from signalscope.demo.service.tiers import TIERS

__all__ = ["DELIVERY_METHODS", "Subscription", "Subscriptions", "UnknownDeliveryError"]

DELIVERY_METHODS = ("websocket", "webhook", "email")


class UnknownDeliveryError(ValueError):
    """No such delivery method; the message names the ones there are."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One user's wish to get one kind of signal."""

    number: int
    user: str
    tier: str
    signal_type: str
    delivery_method: str


class Subscriptions:
    """The active subscriptions, with a running count for each combination that the metric shows.

    Args:
        initial: Subscriptions to begin with, spread over tiers as services have them: most of them free.
    """

    def __init__(self, initial: int = 400) -> None:
        self._numbers = itertools.count(1)
        self._active: dict[int, Subscription] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._surge: list[int] = []
        for _ in range(initial):
            self._add_one_of_many()

    def __len__(self) -> int:
        return len(self._active)

    def add(self, user: str, tier: str, signal_type: str, delivery_method: str) -> Subscription:
        """Add a subscription.

        Raises:
            UnknownDeliveryError: There is no such delivery method.
            UnknownSignalTypeError: There is no such signal.
        """
        check_signal_type(signal_type)
        if delivery_method not in DELIVERY_METHODS:
            raise UnknownDeliveryError(
                f"unknown delivery method {delivery_method!r}; allowed: {', '.join(DELIVERY_METHODS)}"
            )
        one = Subscription(next(self._numbers), user, tier, signal_type, delivery_method)
        self._active[one.number] = one
        self._counts[(tier, signal_type, delivery_method)] += 1
        return one

    def remove(self, number: int, user: str | None = None) -> bool:
        """End a subscription, of that user if one is given; whether there was such a one."""
        one = self._active.get(number)
        if one is None or (user is not None and one.user != user):
            return False
        del self._active[number]
        self._counts[(one.tier, one.signal_type, one.delivery_method)] -= 1
        return True

    def of_user(self, user: str) -> list[Subscription]:
        """One user's subscriptions."""
        return [one for one in self._active.values() if one.user == user]

    def counted(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        """How many there are for each (tier, signal type, delivery method)."""
        for combination, number in tuple(self._counts.items()):
            yield float(number), combination

    def surge(self, number: int) -> None:
        """Add that many subscriptions of new users at once, as a marketing campaign would."""
        self._surge.extend(self._add_one_of_many().number for _ in range(number))

    def end_surge(self) -> None:
        """Remove what `surge` added."""
        for number in self._surge:
            self.remove(number)
        self._surge.clear()

    def _add_one_of_many(self) -> Subscription:
        place = next(self._numbers)
        share = place % 20
        tier = (
            "free"
            if share < 11
            else "basic"
            if share < 16
            else "professional"
            if share < 19
            else "enterprise"
        )
        assert tier in TIERS
        signal_type = SIGNAL_TYPES[place // 20 % len(SIGNAL_TYPES)]
        return self.add(f"subscriber-{place}", tier, signal_type, DELIVERY_METHODS[place % 3])
