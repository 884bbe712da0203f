"""The subscriptions to signals, and their delivery methods."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from signalscope.demo.service.choices import check_choice
from signalscope.demo.service.signals import SIGNAL_TYPES

DELIVERY_METHODS = ("websocket", "webhook", "email")

#: The tiers of twenty typical subscribers.
_TIERS_OF_TWENTY = (*["free"] * 11, *["basic"] * 5, *["professional"] * 3, "enterprise")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A user's subscription to a kind of signal."""

    number: int
    user: str
    tier: str
    signal_type: str
    delivery_method: str


class Subscriptions:
    """The active subscriptions, with a count for each combination of labels of the metric.

    Args:
        initial: The number of subscriptions at the start; most are of the free tier, as in real services.

    Example:
        >>> Subscriptions(initial=0).add("anna", "free", "momentum", "email").number
        1
    """

    def __init__(self, initial: int = 400) -> None:
        self._numbers = itertools.count(1)
        self._active: dict[int, Subscription] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._surge: list[int] = []
        for _ in range(initial):
            self._add_one_of_many()

    def add(self, user: str, tier: str, signal_type: str, delivery_method: str) -> Subscription:
        """Add a subscription.

        Raises:
            UnknownChoiceError: The signal type or the delivery method is unknown.
        """
        check_choice("signal", signal_type, SIGNAL_TYPES)
        check_choice("delivery method", delivery_method, DELIVERY_METHODS)
        subscription = Subscription(next(self._numbers), user, tier, signal_type, delivery_method)
        self._active[subscription.number] = subscription
        self._counts[(tier, signal_type, delivery_method)] += 1
        return subscription

    def remove(self, number: int, user: str | None = None) -> bool:
        """End a subscription; return True if it existed.

        Args:
            number: The number of the subscription.
            user: The user that it must belong to; None for any user.
        """
        subscription = self._active.get(number)
        if subscription is None or user not in (None, subscription.user):
            return False
        del self._active[number]
        self._counts[(subscription.tier, subscription.signal_type, subscription.delivery_method)] -= 1
        return True

    def of_user(self, user: str) -> list[Subscription]:
        """Return the subscriptions of a user."""
        return [subscription for subscription in self._active.values() if subscription.user == user]

    def counted(self) -> Iterator[tuple[float, tuple[str, str, str]]]:
        """Yield the number of subscriptions for each (tier, signal type, delivery method)."""
        for combination, number in tuple(self._counts.items()):
            yield float(number), combination

    def surge(self, number: int) -> None:
        """Add a number of subscriptions of new users at once, as after a marketing campaign."""
        self._surge.extend(self._add_one_of_many().number for _ in range(number))

    def end_surge(self) -> None:
        """Remove the subscriptions that `surge` added."""
        for number in self._surge:
            self.remove(number)
        self._surge.clear()

    def _add_one_of_many(self) -> Subscription:
        number = next(self._numbers)
        signal_type = SIGNAL_TYPES[number // 20 % len(SIGNAL_TYPES)]
        tier = _TIERS_OF_TWENTY[number % 20]
        return self.add(f"subscriber-{number}", tier, signal_type, DELIVERY_METHODS[number % 3])
