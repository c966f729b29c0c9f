"""What a key may be allowed to do. Every operation needs exactly one of these."""

from enum import StrEnum

from app.core.call import EVERYTHING


class Scope(StrEnum):
    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    STAFF_READ = "staff:read"
    STAFF_WRITE = "staff:write"
    SERVICE_POINTS_READ = "service_points:read"
    SERVICE_POINTS_WRITE = "service_points:write"
    STAFF_ACT = "staff:act"  # to name in X-Staff-No who is at work; it opens no operation
    SLA_READ = "sla:read"
    COMPLAINTS_CLASSIFY = "complaints:classify"
    COMPLAINTS_READ = "complaints:read"
    COMPLAINTS_WRITE = "complaints:write"
    SURVEYS_READ = "surveys:read"
    SURVEYS_WRITE = "surveys:write"
    RETURNS_CHECK = "returns:check"
    RETURNS_READ = "returns:read"
    RETURNS_WRITE = "returns:write"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    EVENTS_READ = "events:read"
    NOTICES_READ = "notices:read"
    NOTICES_WRITE = "notices:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ARCHIVE_READ = "archive:read"
    ARCHIVE_WRITE = "archive:write"
    PERSONAL_REVEAL = "personal:reveal"  # to see in full, one record at a time, what the tier masks
    ACCESS_LOG_READ = "access_log:read"
    PRIVACY_ERASE = "privacy:erase"  # to have a person erased, and see what became of it


def check_scopes(scopes: list[str]) -> list[str]:
    """Return the scopes as they are.

    Raises: ValueError naming the first that does not exist.
    """
    known = {*Scope, EVERYTHING}
    for scope in scopes:
        if scope not in known:
            raise ValueError(f"unknown scope {scope!r}; known are {', '.join(sorted(known))}")
    return scopes
