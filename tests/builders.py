"""Bodies that tests post, with one thing changed at a time."""

from typing import Any


def a_ticket(**changes: Any) -> dict[str, Any]:
    """A plain hotline complaint of the tableware line."""
    return {
        "business_line": "tableware",
        "channel": "hotline",
        "kind": "complaint",
        "urgency": "general",
        "severity": "minor",  # stated: what a model reads into it is not these tests' matter
        "customer": {"name": "王芳", "phone": "13800001234"},
        "description": "餐盘收到时有两个裂了，请尽快处理。",
    } | changes
