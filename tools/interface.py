"""Write what integrators build on into `docs/integration`: the interface's document, a collection, the error codes.

A change that would break a client of the committed document is refused, and named: it belongs under a new major path.

    python -m tools.interface
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.commands.openapi import document
from app.core.errors import ServiceError
from tools.breaking import breaking
from tools.collection import collection

FOLDER = Path(__file__).parents[1] / "docs/integration"
DOCUMENT, ERRORS = FOLDER / "openapi.json", FOLDER / "errors.md"
COLLECTION = FOLDER / "aftersales.postman_collection.json"

_HEAD = """# Error codes · 错误代码

Made of the code by `python -m tools.interface`. Every answer that is no success is `application/problem+json` with a
`code` that does not change; `title` and `detail` are in the language of `Accept-Language`.

凡未成功的应答均为 `application/problem+json`，`code` 稳定不变，`title`、`detail` 按 `Accept-Language` 给出中文或英文。

“again”: the same request may succeed later as it stands. “再试”：同一请求稍后可能成功。

| status | code | meaning | 含义 | again 再试 |
|---|---|---|---|---|
"""


def kinds(parent: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Yield every kind of problem the application knows."""
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def error_codes() -> str:
    """Return the reference: a line for each meaning of each code."""
    rows = {
        (kind.status, kind.code, kind.title.en, kind.title.zh, "✓" if kind.retryable else "")
        for kind in kinds()
        if kind.__module__.startswith("app.")
    }
    return _HEAD + "".join(
        f"| {status} | `{code}` | {en} | {zh} | {again} |\n" for status, code, en, zh, again in sorted(rows)
    )


def main() -> int:
    now = document()
    if DOCUMENT.exists() and (broken := breaking(json.loads(DOCUMENT.read_text(encoding="utf-8")), now)):
        print(*broken, sep="\n", file=sys.stderr)
        return 1
    DOCUMENT.write_text(rendered(now), encoding="utf-8")
    COLLECTION.write_text(rendered(collection(now)), encoding="utf-8")
    ERRORS.write_text(error_codes(), encoding="utf-8")
    return 0


def rendered(now: dict[str, Any]) -> str:
    return json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
