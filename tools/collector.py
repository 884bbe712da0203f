"""Write the source of the Collector that the demo builds, from `collector/builder.yaml`; needs Go: `make collector`.

It has only the components that `collector/config.yaml` can use, in the module that Prometheus is built from. So both
share their libraries, each compiled once, and the OpenTelemetry builder does not run for the demo. The components for
operators are in the whole Collector, which `make test` builds from the manifest itself.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tools" / "servers" / "otelcol"
#: Parts of the names of components that `collector/config.yaml` does not use.
OPERATORS = (
    "attributesprocessor", "batchprocessor", "debugexporter", "filestorage", "loadbalancingexporter",
    "pprofextension", "resourceprocessor", "zpagesextension",
)  # fmt: skip


def manifest(output: str) -> str:
    """Return the manifest of the demo's Collector.

    Args:
        output: The folder for its source.
    """
    text = (ROOT / "collector" / "builder.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not any(name in line for name in OPERATORS)]
    text = "\n".join(lines).replace("path: ./", f"path: {ROOT}/collector/")
    return re.sub(r"output_path: .*", f"output_path: {output}", text)


def write() -> int:
    """Run the builder without its compilation, and copy what it wrote."""
    with tempfile.TemporaryDirectory() as work:
        config = Path(work) / "builder.yaml"
        config.write_text(manifest(f"{work}/sources"), encoding="utf-8")
        command = ["go", "run", "go.opentelemetry.io/collector/cmd/builder", f"--config={config}"]
        done = subprocess.run(
            [*command, "--skip-compilation", "--skip-get-modules"],
            cwd=ROOT / "tools" / "builder",
            check=False,
        )
        if done.returncode:
            return done.returncode
        TARGET.mkdir(exist_ok=True)
        for path in Path(work, "sources").glob("*.go"):
            if "windows" not in path.name:
                shutil.copy(path, TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(write())
