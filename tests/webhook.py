"""A webhook that stores the notifications of a real Alertmanager."""

from __future__ import annotations

from signalscope.demo.gameday import _webhook

__all__ = ["Webhook"]


class Webhook(_webhook.Webhook):
    """The webhook of a game day, with the alerts of one receiver and job."""

    def names(self, receiver: str, job: str) -> list[str]:
        """Return the firing alerts of a job in the notifications of a receiver, in order."""
        return [name for _, name in self.pages(receiver, job)]

    def pages(self, receiver: str, job: str) -> list[tuple[float, str]]:
        """Return the moments, in seconds since the epoch, and names of these alerts."""
        return [
            (moment, labels["alertname"])
            for moment, own, labels in self.firing()
            if own == receiver and labels.get("job") == job
        ]
