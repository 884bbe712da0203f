"""Routing of notifications: ``[routes]`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from signalscope.config._section import Section, Text, Window

Kind = Literal["webhook", "slack", "pagerduty", "none"]
Wait = Annotated[int, Field(ge=1, le=86_400, strict=True)]


class Routes(Section):
    """Receivers, grouping and intervals of Alertmanager.

    The address of a receiver is not part of the configuration. Alertmanager reads it from a file in `secrets`, one
    file for each receiver, which the deployment mounts (docs/alerting.md).

    Attributes:
        receiver: Kind of the receivers: ``webhook``, ``slack``, ``pagerduty``, or ``none`` to send no notifications.
        page: Kind of the receiver of critical alerts; None for `receiver`.
        ticket: Kind of the receiver of warnings; None for `receiver`.
        inform: Kind of the receiver of information; None for `receiver`.
        second_level: Kind of the receiver of escalated alerts; None for `receiver`.
        watchdog: Kind of the receiver of the alert that always fires; None for `receiver`.
        secrets: The folder with one file for each receiver, which contains its address (PagerDuty: its key). The path
            is absolute, because Alertmanager resolves a relative path from its own working directory.
        group_wait: Seconds before the first notification of a group, to collect more alerts.
        group_wait_critical: The same for critical alerts.
        group_interval: Seconds between two notifications about changes of a group.
        repeat_critical: Seconds after which the notification of a firing critical alert is repeated.
        repeat: Seconds after which the notification of a firing warning is repeated.
        repeat_info: Seconds after which the notification of firing information is repeated.
        escalate_after: Seconds after which a critical alert without a silence goes to the second level.
        escalate_repeat: Seconds after which the notification of the second level is repeated.
        business_hours_only: Severities that are sent only in business hours.
        lead: Minutes from the begin of business hours to the open of the session.
        lag: Minutes from the close of the session to the end of business hours.
        watchdog_interval: Seconds between two messages that the pipeline works.

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
    group_wait_critical: Annotated[int, Field(ge=0, le=86_400, strict=True)] = 0
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
        """Return the kind of the receiver of a route.

        Args:
            route: ``page``, ``ticket``, ``inform``, ``second_level`` or ``watchdog``.

        Example:
            >>> Routes(page="pagerduty").kind_of("page"), Routes().kind_of("ticket")
            ('pagerduty', 'webhook')
        """
        own: Kind | None = getattr(self, route)
        return own or self.receiver

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.group_interval > self.escalate_after:
            raise ValueError(
                "escalate_after must not be less than group_interval: the alert would escalate at once [SS111]"
            )
        return self
