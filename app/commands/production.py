"""What production does not start with: each would make a promise of the service untrue without anybody noticing."""

from collections.abc import Iterator

from sqlalchemy import Row, text

from app.commands.place import given_database
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.core.settings import Settings

# A superuser counts as a member of every role.
_FOUND = text("""
    SELECT rolname AS name,
        rolsuper OR rolbypassrls
        OR pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = ticket), 'MEMBER') AS passes,
        current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
        current_setting('synchronous_commit') AS synchronous_commit
    FROM pg_roles, to_regclass('ticket') AS ticket WHERE rolname = session_user
""")
_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


async def refuse_unsafe(db: Database, settings: Settings) -> None:
    """In production, keep the service from starting with what is fit for development only.

    Raises: Fault, a line for each: details in the log, a user of the database whom none of its barriers stops (a
    superuser, who may bypass row-level security or may become the owner of the tables), a database that may lose
    what it has confirmed.
    """
    if settings.environment != "production" or given_database() is None:
        return
    async with db.begin() as session:
        found = (await session.execute(_FOUND)).one()
    lines = [*_of_settings(settings), *_of_user(found), *_of_durability(found)]
    if lines:
        raise Fault(*lines)


def _of_settings(settings: Settings) -> Iterator[Text]:
    if settings.log_level == "debug":
        yield Text(
            "生产环境中 AFTERSALES_LOG_LEVEL 不得为 debug", "in production AFTERSALES_LOG_LEVEL must not be debug"
        )


def _of_user(found: Row[tuple[object, ...]]) -> Iterator[Text]:
    if found.passes:
        yield Text(
            f"生产环境中 DATABASE_URL 的用户 {found.name} 不得是超级用户或数据表的所有者，也不得可绕过行级安全，"
            "见 docs/operations.md",
            f"in production the user {found.name} of DATABASE_URL must not be a superuser or own the tables, "
            "nor bypass row-level security: see docs/operations.md",
        )


def _of_durability(found: Row[tuple[object, ...]]) -> Iterator[Text]:
    for name in _DURABLE:
        if getattr(found, name) == "off":
            yield Text(
                f"生产环境的数据库不得关闭 {name}：已确认的写入可能丢失",
                f"in production the database must not have {name} off: writes that were confirmed may be lost",
            )
