"""What a key may be allowed to do. Every operation needs exactly one of these."""

from enum import StrEnum

from app.core.call import EVERYTHING


class Scope(StrEnum):
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    SLA_READ = "sla:read"
    COMPLAINTS_CLASSIFY = "complaints:classify"
    COMPLAINTS_READ = "complaints:read"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    EVENTS_READ = "events:read"


def check_scopes(scopes: list[str]) -> list[str]:
    """Return the scopes as they are.

    Raises: ValueError naming the first that does not exist.
    """
    known = {*Scope, EVERYTHING}
    for scope in scopes:
        if scope not in known:
            raise ValueError(f"unknown scope {scope!r}; known are {', '.join(sorted(known))}")
    return scopes
