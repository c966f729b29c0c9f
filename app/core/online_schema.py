"""Changes of large tables beside a service at work, for migrations.

Each goes outside a transaction. A revision that does one therefore does nothing else: what breaks off is done again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic import op


def create_index(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """Create an index without keeping anybody from writing; what an attempt that broke off has left goes first.

    options: as of `op.create_index`.
    """
    with _without_haste():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)


def update_in_batches(statement: str) -> None:
    """Repeat a statement, which changes some thousand rows at most, until it finds no more; commit after each."""
    with op.get_context().autocommit_block():
        op.execute(f"""\
DO $$ BEGIN
    PERFORM set_config('app.lines', '*', false);  -- the policies are forced upon the owner too
    LOOP
        {statement};
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END $$""")


def drop_index(name: str, table: str) -> None:
    """Drop an index without keeping anybody from reading or writing."""
    with _without_haste():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


@contextmanager
def _without_haste() -> Iterator[None]:
    """Let what goes on concurrently wait for the transactions before it: nobody waits for it."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        yield
        op.execute("RESET lock_timeout")
