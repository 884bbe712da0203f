"""Examples of autoscalers that follow the recommendation: KEDA, and a HorizontalPodAutoscaler with an adapter.

No data must never mean no replicas. The query has one series while there is a recommendation and none otherwise; an
empty answer is an error for both scalers, and on an error KEDA falls back to a number of replicas that is safe, while
the HorizontalPodAutoscaler leaves the number as it is.
"""

from __future__ import annotations

import re
from typing import Any

from signalscope import derived
from signalscope.config import Config

__all__ = ["adapter_rule", "hpa", "keda", "query"]

_METRIC = derived.get("SCALING").name
#: Replicas come at once and go slowly: the close of the session is as busy as its open.
_BEHAVIOR = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 900,
        "policies": [{"type": "Percent", "value": 20, "periodSeconds": 300}],
    },
}  # fmt: skip


#: A label's value in Kubernetes.
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def _autoscaler(config: Config, api: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the object that scales the job's Deployment."""
    # The job, as far as RFC 1123 allows it as the name of an object.
    allowed = re.sub(r"[^a-z0-9]+", "-", config.selectors.job.lower()).strip("-")
    name = allowed[:63].rstrip("-") or "signal-service"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, **spec},
    }


def query(config: Config) -> str:
    """The recommendation as one number: of whatever reason, and nothing when there is none."""
    return f'max({_METRIC}{{job="{config.selectors.job}"}})'


def keda(config: Config) -> dict[str, Any]:
    """A KEDA ScaledObject."""
    least, most = config.forecast.least_replicas, config.forecast.most_replicas
    trigger = {
        "type": "prometheus",
        # The recommendation is a total: replicas = value / 1.
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": "http://prometheus.monitoring.svc:9090",
            "query": query(config),
            "threshold": "1",
            # Without it an empty answer counts as 0.
            "ignoreNullValues": "false",
        },
    }
    spec = {
        "pollingInterval": 30,
        # Not idleReplicaCount: it would let an idle night end at zero.
        "minReplicaCount": least,
        "maxReplicaCount": most,
        # After three failed or empty answers: never fewer than there are now, and never fewer than this.
        "fallback": {"failureThreshold": 3, "replicas": least, "behavior": "currentReplicasIfHigher"},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _BEHAVIOR}},
        "triggers": [trigger],
    }
    return _autoscaler(config, "keda.sh/v1alpha1", "ScaledObject", spec)


def hpa(config: Config) -> dict[str, Any]:
    """A HorizontalPodAutoscaler that reads the recommendation through prometheus-adapter."""
    job = config.selectors.job
    metric: dict[str, Any] = {"name": _METRIC}
    if _LABEL.fullmatch(job):  # else the adapter alone says which job
        metric["selector"] = {"matchLabels": {"job": job}}
    external = {"metric": metric, "target": {"type": "AverageValue", "averageValue": "1"}}
    spec = {
        "minReplicas": config.forecast.least_replicas,
        "maxReplicas": config.forecast.most_replicas,
        "behavior": _BEHAVIOR,
        "metrics": [{"type": "External", "external": external}],
    }
    return _autoscaler(config, "autoscaling/v2", "HorizontalPodAutoscaler", spec)


def adapter_rule(config: Config) -> dict[str, Any]:
    """Values of prometheus-adapter's Helm chart that offer the recommendation as an external metric."""
    job = f'job="{config.selectors.job}"'
    rule = {
        "seriesQuery": f"{_METRIC}{{{job}}}",
        "resources": {"namespaced": False},
        "metricsQuery": f"max(<<.Series>>{{{job}, <<.LabelMatchers>>}})",
    }
    return {"rules": {"external": [rule]}}
