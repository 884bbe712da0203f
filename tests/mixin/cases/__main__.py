"""Write rules/tests/cases-*.yaml."""

from tests.mixin.cases import files

from signalscope import binaries

for name, content in files().items():
    (binaries.ROOT / "rules" / "tests" / name).write_text(content, encoding="utf-8")
