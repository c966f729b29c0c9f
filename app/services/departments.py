"""Whether who acts for a department belongs to it."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError, ValidationFailed
from app.core.language import Text
from app.models.staff import StaffMember


class NotOfDepartment(ValidationFailed):
    """The staff member is registered, and not with this department."""

    def __init__(self) -> None:
        detail = Text("登记的人员不属于该部门", "The staff register has this person in other departments")
        super().__init__(errors=[FieldError(("pointer", "#/department"), "not_of_department", detail)])


async def require_member(session: AsyncSession, line: UUID, staff_no: str, department: str) -> None:
    """Believe the caller about staff who are not registered only.

    Raises: NotOfDepartment.
    """
    registered = select(StaffMember.departments).where(
        StaffMember.business_line_id == line, StaffMember.staff_no == staff_no
    )
    departments = await session.scalar(registered)
    if departments is not None and department not in departments:
        raise NotOfDepartment
