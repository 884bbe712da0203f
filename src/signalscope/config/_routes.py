"""Who is notified: ``[routes]`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from signalscope.config._section import Section, Text, Window

Kind = Literal["webhook", "slack", "pagerduty", "none"]
Wait = Annotated[int, Field(ge=1, le=86_400, strict=True)]


class Routes(Section):
    """Alertmanager: receivers, grouping, times.

    A receiver's address is never written here: it is read by Alertmanager from a file of its own in `secrets`,
    one a receiver, which a deployment mounts (docs/alerting.md).

    Attributes:
        receiver: What kind the receivers are: a webhook, Slack, PagerDuty; ``none`` keeps alerts in Alertmanager.
        page: What kind those of critical alerts are, where it is another.
        ticket: The same for warnings.
        inform: The same for information.
        second_level: The same for escalated alerts.
        watchdog: The same for the alert that always fires.
        secrets: The folder that has a file with the address (PagerDuty: the key) of each receiver. An absolute
            path: Alertmanager would look for a relative one where it was started.
        group_wait: Seconds that the first notification of a group waits for others.
        group_interval: Seconds between notifications about changes of a group.
        repeat_critical: Seconds after which a critical alert that still fires is sent again.
        repeat: The same for warnings.
        repeat_info: The same for information.
        escalate_after: Seconds after which a critical alert that nobody has silenced goes to the second level.
        escalate_repeat: Seconds after which the second level is notified again.
        business_hours_only: Severities that wait for business hours.
        lead: Minutes before the session's open at which business hours begin.
        lag: Minutes after its close at which they end.
        watchdog_interval: Seconds between two messages that the pipeline is alive.

    Examples:
        >>> from signalscope.config import Routes
        >>> Routes().receiver
        'webhook'
    """

    receiver: Kind = "webhook"
    page: Kind | None = None
    ticket: Kind | None = None
    inform: Kind | None = None
    second_level: Kind | None = None
    watchdog: Kind | None = None
    secrets: Annotated[Text, Field(pattern="^/")] = "/etc/alertmanager/secrets"
    group_wait: Wait = 15
    group_interval: Wait = 60
    repeat_critical: Window = 3_600
    repeat: Window = 14_400
    repeat_info: Window = 86_400
    escalate_after: Wait = 900
    escalate_repeat: Window = 1_800
    business_hours_only: tuple[Literal["warning", "info"], ...] = ("info",)
    lead: Annotated[int, Field(ge=0, le=720)] = 60
    lag: Annotated[int, Field(ge=0, le=720)] = 60
    watchdog_interval: Wait = 60

    def kind_of(self, route: str) -> Kind:
        """Return what kind the receivers of a route are."""
        own: Kind | None = getattr(self, route)
        return own or self.receiver

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.group_interval > self.escalate_after:
            raise ValueError(
                "escalate_after is less than group_interval: the escalation would come with the alert"
            )
        return self
