"""Configuration of Prometheus."""

from __future__ import annotations

from typing import Any

from signalscope.config import Config
from signalscope.config._rules import PIPELINE_JOBS
from signalscope.derived._promql import duration

__all__ = ["JOBS", "prometheus"]

#: The jobs that Prometheus scrapes; the targets of a job are in targets/JOB.json.
JOBS = ("signal-service", *PIPELINE_JOBS)

#: By the kind of histogram: the settings of the scrape that has the contract's, which come with classic buckets.
_NATIVE = {"native": {"convert_classic_histograms_to_nhcb": True, "always_scrape_classic_histograms": False}}


def prometheus(config: Config) -> dict[str, Any]:
    """Return the content of prometheus.yml; targets, rules and your own rules (`own/`) are in the same folder.

    Example:
        >>> from signalscope.config import Config
        >>> prometheus(Config())["rule_files"]
        ['rules/*.yaml', 'own/*.yaml']
    """
    service = {
        # Only for `up`: the service sends its metrics through the Collector.
        "file_sd_configs": _targets("signal-service"),
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": ".+", "action": "drop"}],
    }
    return {
        "global": {
            "scrape_interval": duration(config.pipeline.scrape),
            "scrape_timeout": duration(config.pipeline.scrape),
            "evaluation_interval": duration(config.pipeline.evaluation),
        },
        "rule_files": ["rules/*.yaml", "own/*.yaml"],
        "alerting": {"alertmanagers": [{"file_sd_configs": _targets("alertmanager")}]},
        "scrape_configs": [
            {"job_name": config.selectors.job, **service},
            # A second, light probe: a process that is too busy for /metrics is not down.
            {
                "job_name": f"{config.selectors.job}-live",
                "metrics_path": "/metrics/live",
                "relabel_configs": [
                    {"target_label": "job", "replacement": config.selectors.job},
                    {"target_label": "probe", "replacement": "live"},
                ],
                **service,
            },
            # Its series keep the job and instance of the services that pushed them.
            {
                "job_name": "otel-collector",
                "honor_labels": True,
                "file_sd_configs": _targets("otel-collector"),
                **_NATIVE.get(config.histograms.kind, {}),
            },
            *({"job_name": job, "file_sd_configs": _targets(job)} for job in JOBS[2:]),
        ],
    }


def _targets(job: str) -> list[dict[str, Any]]:
    return [{"files": [f"targets/{job}.json"], "refresh_interval": "5s"}]
