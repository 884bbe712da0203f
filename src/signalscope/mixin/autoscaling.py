"""Example autoscalers that use the scaling recommendation: KEDA, and a HorizontalPodAutoscaler with an adapter.

Missing data must never scale the service to zero. The query returns a series only if there is a recommendation. An
empty answer is an error for both scalers. On an error, KEDA uses a safe number of replicas, and the
HorizontalPodAutoscaler does not change the number.
"""

from __future__ import annotations

import re
from typing import Any

from signalscope import derived
from signalscope.config import Config

__all__ = ["adapter_rule", "hpa", "keda", "query"]

_METRIC = derived.get("SCALING").name
#: Scale up at once and down slowly: the close of the session is as busy as its open.
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


#: A valid label value in Kubernetes.
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def _autoscaler(config: Config, api: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the object that scales the job's Deployment."""
    # Only characters that RFC 1123 allows in the name of an object.
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
    """Return PromQL for the highest recommendation of all reasons; its result is empty if there is none.

    Example:
        >>> from signalscope.config import Config
        >>> query(Config())
        'max(scaling_recommendation{job="signal-service"})'
    """
    return f'max({_METRIC}{{job="{config.selectors.job}"}})'


def keda(config: Config) -> dict[str, Any]:
    """Return a KEDA ScaledObject.

    Example:
        >>> from signalscope.config import Config
        >>> keda(Config())["kind"]
        'ScaledObject'
    """
    least, most = config.forecast.least_replicas, config.forecast.most_replicas
    trigger = {
        "type": "prometheus",
        # With AverageValue and threshold 1, replicas = value / 1.
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": "http://prometheus.monitoring.svc:9090",
            "query": query(config),
            "threshold": "1",
            # With the default, an empty answer counts as 0.
            "ignoreNullValues": "false",
        },
    }
    spec = {
        "pollingInterval": 30,
        # idleReplicaCount is not set: it would scale the service to zero in an idle night.
        "minReplicaCount": least,
        "maxReplicaCount": most,
        # After three failed or empty answers: the current number of replicas, or the minimum if that is higher.
        "fallback": {"failureThreshold": 3, "replicas": least, "behavior": "currentReplicasIfHigher"},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _BEHAVIOR}},
        "triggers": [trigger],
    }
    return _autoscaler(config, "keda.sh/v1alpha1", "ScaledObject", spec)


def hpa(config: Config) -> dict[str, Any]:
    """Return a HorizontalPodAutoscaler that reads the recommendation from prometheus-adapter.

    Example:
        >>> from signalscope.config import Config
        >>> hpa(Config())["kind"]
        'HorizontalPodAutoscaler'
    """
    job = config.selectors.job
    metric: dict[str, Any] = {"name": _METRIC}
    if _LABEL.fullmatch(job):  # otherwise only the adapter's rule selects the job
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
    """Return Helm values for prometheus-adapter that serve the recommendation as an external metric.

    Example:
        >>> from signalscope.config import Config
        >>> adapter_rule(Config())["rules"]["external"][0]["resources"]
        {'namespaced': False}
    """
    job = f'job="{config.selectors.job}"'
    rule = {
        "seriesQuery": f"{_METRIC}{{{job}}}",
        "resources": {"namespaced": False},
        "metricsQuery": f"max(<<.Series>>{{{job}, <<.LabelMatchers>>}})",
    }
    return {"rules": {"external": [rule]}}
