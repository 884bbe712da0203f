"""What `make test-oldest` does: the SDK's tests with the oldest OpenTelemetry that pyproject.toml allows.

The environment is cached outside the checkout, keyed by the packages in it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
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
    """The exit status of pytest, or of the pip that failed."""
    key = hashlib.sha256(" ".join((*PACKAGES, *OTHERS, sys.version)).encode()).hexdigest()[:12]
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(base) / "signalscope" / f"oldest-{key}"
    python, stamp = home / "bin" / "python", home / "installed"
    if not stamp.exists():
        print(f"making an environment with {PACKAGES[0]}", flush=True)
        venv.create(home, with_pip=True, clear=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *PACKAGES, *OTHERS], check=False)
        if done.returncode:
            return done.returncode
        stamp.touch()
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-e", ROOT]
    subprocess.run(pip, check=True)
    command = [python, "-m", "pytest", *(sys.argv[1:] or TESTS)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
