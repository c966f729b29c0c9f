"""What the reports have in common: the zone of their days and months."""

from typing import Any, Final

from sqlalchemy import SQLColumnExpression, func

ZONE: Final = "Asia/Shanghai"


def month_of(at: SQLColumnExpression[Any]) -> SQLColumnExpression[Any]:
    """Return the month a time lies in, as `2026-11`."""
    return func.to_char(func.timezone(ZONE, at), "YYYY-MM")
