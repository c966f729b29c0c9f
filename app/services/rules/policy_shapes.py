"""The few shapes in which an edition states things that no figure can express."""

from typing import Annotated

from pydantic import Field

from app.services.rules.clause import Sourced, Wording
from app.services.rules.routing import Name

Days = Annotated[int, Field(gt=0, le=3660)]
Months = Annotated[int, Field(gt=0, le=600)]
Percent = Annotated[int, Field(ge=0, le=100)]


class Statement(Sourced):
    """One thing the edition states in words."""

    title: Wording


class Items(Sourced):
    """A list that one clause gives: the fields of a form, the points of a check. The order is the source's."""

    items: Annotated[dict[Name, Wording], Field(min_length=1)]


class Step(Sourced):
    """One step of a procedure and who takes it, where the source says who."""

    name: Name
    title: Wording
    department: Name | None = None
    role: Name | None = None
