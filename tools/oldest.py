"""Run the SDK's tests with the oldest OpenTelemetry that pyproject.toml allows: `make test-oldest`."""

from __future__ import annotations

import subprocess
import sys

from environments import ROOT, PipError, environment, python_of

PACKAGES = (
    "opentelemetry-api==1.39.0",
    "opentelemetry-sdk==1.39.0",
    "opentelemetry-exporter-otlp-proto-http==1.39.0",
    "opentelemetry-exporter-prometheus==0.60b0",
    "opentelemetry-instrumentation==0.60b0",
    "opentelemetry-instrumentation-fastapi==0.60b0",
)
TESTS = (
    "tests/contract", "tests/recording", "tests/decorators", "tests/distro", "tests/fastapi",
    "tests/instrumentation/test_base.py", "tests/instrumentation/test_launcher.py",
    "tests/instrumentation/test_targets.py",
)  # fmt: skip
OTHERS = (
    "fastapi", "uvicorn", "gunicorn", "httpx<1", "numpy", "datasketches", "typer", "rich", "pyyaml", "hypothesis",
    "pandas",
    "pytest", "pytest-asyncio", "pytest-timeout",
)  # fmt: skip


def main() -> int:
    """Return the exit status of pytest, or 1 if pip failed."""
    try:
        with environment("oldest", sys.executable, (*PACKAGES, *OTHERS)) as home:
            command = [python_of(home), "-m", "pytest", *(sys.argv[1:] or TESTS)]
            return subprocess.run(command, cwd=ROOT, check=False).returncode
    except PipError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
