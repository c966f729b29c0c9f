"""The documentation's code, run as it stands."""

import base64
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.core.signatures import new_secret, sign
from bench import reliability

PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_R12_the_verification_that_the_guide_shows_accepts_ours_and_nothing_else(project: Path) -> None:
    [code] = PYTHON.findall((project / "docs/integration/webhooks.md").read_text(encoding="utf-8"))
    scope: dict[str, Any] = {}
    exec(code, scope)
    verified, now, body = scope["verified"], int(time.time()), '{"type":"ticket.closed","说明":"好"}'.encode()
    current, previous = new_secret(), new_secret()

    def headers(stamp: int = now, **others: str) -> dict[str, str]:
        signature = sign([current, previous], "evt_1", stamp, body)
        return {"webhook-id": "evt_1", "webhook-timestamp": str(stamp), "webhook-signature": signature} | others

    for secret in (current, previous):
        assert verified(secret, headers(), body)
        Webhook(secret).verify(body, headers())
    assert not verified(new_secret(), headers(), body)
    assert not verified(current, headers(), body + b" ")
    assert not verified(current, headers(now - 301), body)
    assert not verified(current, headers() | {"webhook-id": "evt_2"}, body)
    assert not verified(current, headers() | {"webhook-timestamp": f"{now}.0"}, body)
    assert not verified(
        current, headers() | {"webhook-signature": "v1," + base64.b64encode(os.urandom(32)).decode()}, body
    )


@pytest.mark.parametrize(("row", "files"), list(reliability.rows().items()))
def test_the_page_of_reliability_names_tests_of_each_row(row: str, files: list[str]) -> None:
    assert files
    for file in files:
        assert re.search(rf"def test_(?:R\d+_)*{row}_", (reliability.ROOT / file).read_text("utf-8")), file
