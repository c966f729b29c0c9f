"""Bodies of staff and department queues."""

from typing import Annotated

from pydantic import Field

from app.schemas.fields import Flag, Instant, RequestBody, ResponseBody, StaffNo, Word

Words = Annotated[list[Word], Field(max_length=50)]
Capacity = Annotated[int, Field(strict=True, ge=1, le=1000, description="open matters at a time")]


class StaffIn(RequestBody):
    """A staff member who can be given matters of these departments."""

    business_line: Word | None = None
    staff_no: StaffNo
    departments: Annotated[list[Word], Field(min_length=1, max_length=50)]
    skills: Words = []
    capacity: Capacity = 20
    available: Flag = True


class StaffPatch(RequestBody):
    """What is left out stays as it is."""

    departments: Annotated[list[Word], Field(min_length=1, max_length=50)] | None = None
    skills: Words | None = None
    capacity: Capacity | None = None
    available: Flag | None = None


class AvailabilityIn(RequestBody):
    available: Flag


class StaffOut(ResponseBody):
    id: str
    business_line: str
    staff_no: str
    departments: list[str]
    skills: list[str]
    capacity: int
    available: bool
    open_tickets: int
    last_assigned_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant


class StaffList(ResponseBody):
    items: list[StaffOut]
    next_cursor: str | None
    has_more: bool


class QueueRow(ResponseBody):
    """What waits in a department for somebody to take it."""

    business_line: str
    department: str
    waiting: int
    emergencies: int
    oldest_opened_at: Instant | None
    available_staff: int
    free_places: int


class Queues(ResponseBody):
    rows: list[QueueRow]
