"""What the parts of the program raise when they cannot start, as faults a command can show."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from app.core.crypto import KeyRingInvalid
from app.core.errors import DatabaseUnavailable, ServiceError
from app.core.faults import Fault
from app.core.language import Text
from app.core.settings import SettingsInvalid
from app.services.policy_book import PolicyFilesInvalid


@contextmanager
def explained() -> Iterator[None]:
    """Turn what is wrong with settings, key ring, policy files or database during the block into a Fault."""
    try:
        yield
    except (SettingsInvalid, PolicyFilesInvalid) as invalid:
        raise Fault(*invalid.lines) from None
    except KeyRingInvalid as invalid:
        raise Fault(str(invalid)) from None
    except DatabaseUnavailable as problem:
        raise _no_database(problem.__cause__ or problem) from None
    except ServiceError as problem:
        raise Fault(problem.title) from None
    except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        raise _no_database(error) from None


def _no_database(error: BaseException) -> Fault:
    reason = (str(getattr(error, "orig", None) or error) or type(error).__name__).splitlines()[0]
    return Fault(
        Text(
            f"数据库不可用，请检查 DATABASE_URL：{reason}", f"the database cannot be used, check DATABASE_URL: {reason}"
        )
    )
