"""`aftersales demo`: calls on a running service, and what became of them."""

import asyncio
from collections.abc import Sequence

from app.demo.run import run


def main(arguments: Sequence[str]) -> int:
    return asyncio.run(run(arguments))
