"""Bodies of the product catalogue and of purchases."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Instant,
    Line,
    LocalDate,
    Money,
    PointNo,
    RequestBody,
    ResponseBody,
    Word,
)
from app.services.rules.purchases import Exclusion
from app.services.rules.returns.words import BuyerType, ConfirmationMethod, Part, PurchaseChannel

Region = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$", examples=["CN-ZJ"])]
Months = Annotated[int, Field(strict=True, ge=1, le=600)]
PartMonths = Annotated[dict[Part, Months], Field(max_length=10)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
OrderLine = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Id = Annotated[str, Field(max_length=64)]


def _stay(body: RequestBody, *names: str) -> None:
    """Raises: Refusal for the first of these fields that is to be cleared."""
    for name in names:
        if name in body.model_fields_set and getattr(body, name) is None:
            raise Refusal("required", Text(f"{name} 不能清空", f"{name} cannot be cleared"), field=name)


class CatalogueItemIn(RequestBody):
    """A product: which goods it is, why it is no goods for no-reason return, and its guarantee."""

    business_line: Word | None = None
    sku: Line
    name: Line
    model: Line | None = None
    category: Word | None = None
    exclusion: Annotated[Exclusion | None, Field(description="of the no-reason return")] = None
    warranty_months: Annotated[Months | None, Field(description="the company's own term, whole unit")] = None
    part_months: PartMonths = {}
    three_guarantee_months: Annotated[Months | None, Field(description="三包有效期; null: not on the State's list")] = (
        None
    )


class CatalogueItemPatch(RequestBody):
    """What is left out stays as it is; `null` clears a field. Cards that were made keep their terms."""

    name: Line | None = None
    model: Line | None = None
    category: Word | None = None
    exclusion: Exclusion | None = None
    warranty_months: Months | None = None
    part_months: PartMonths | None = None
    three_guarantee_months: Months | None = None

    @model_validator(mode="after")
    def _what_a_product_has(self) -> Self:
        _stay(self, "name", "part_months")
        return self


class CatalogueItemOut(ResponseBody):
    id: str
    business_line: str
    sku: str
    name: str
    model: str | None
    category: str | None
    exclusion: Exclusion | None
    warranty_months: int | None
    part_months: dict[Part, int]
    three_guarantee_months: int | None
    version: int
    created_at: Instant
    updated_at: Instant


class CatalogueItemList(ResponseBody):
    items: list[CatalogueItemOut]
    next_cursor: str | None
    has_more: bool


class PriceOfItem(RequestBody):
    id: Line
    price: Money


class GiftOnFile(RequestBody):
    """What came with the goods, and the price labelled for it beforehand."""

    description: Line | None = None
    labelled_price: Money | None = None


class BundleOnFile(RequestBody):
    """A discount given because the items reached a threshold (套装, 满减)."""

    items: Annotated[list[PriceOfItem], Field(min_length=1, max_length=100)]
    threshold: Money
    discount: Money


class PurchaseFields(RequestBody):
    spec_model: Line | None = None
    serial_no: Line | None = None
    batch: Line | None = None
    unit_price: Annotated[Money | None, Field(description="really paid for one")] = None
    purchased_on: LocalDate | None = None
    channel: PurchaseChannel | None = None
    buyer_type: BuyerType | None = None
    region: Region | None = None
    sold_by: Annotated[PointNo | None, Field(description="number of the service point that sold it")] = None
    delivered_at: Annotated[Instant | None, Field(description="signed for (签收)")] = None
    installed_at: Annotated[Instant | None, Field(description="finished, where the merchant installs")] = None
    confirmation_method: Annotated[
        ConfirmationMethod | None, Field(description="of the goods' exclusion from no-reason return")
    ] = None
    gift: GiftOnFile | None = None
    bundle: BundleOnFile | None = None


class PurchaseIn(PurchaseFields):
    """One line of an order. Without `product_name` it is the catalogue's."""

    business_line: Word | None = None
    customer_id: Id | None = None
    catalogue_item_id: Id | None = None
    order_no: Line
    order_line: OrderLine = 1
    product_name: Line | None = None
    quantity: Quantity = 1

    @model_validator(mode="after")
    def _goods_have_a_name(self) -> Self:
        if self.product_name is None and self.catalogue_item_id is None:
            raise Refusal("required", Text("请给出产品名称", "Name the product"), field="product_name")
        return self


class PurchasePatch(PurchaseFields):
    """What is left out stays as it is; `null` clears a field."""

    customer_id: Id | None = None
    catalogue_item_id: Id | None = None
    product_name: Line | None = None
    quantity: Quantity | None = None

    @model_validator(mode="after")
    def _what_a_purchase_has(self) -> Self:
        _stay(self, "product_name", "quantity")
        return self


class PurchaseSearchIn(RequestBody):
    """At least one criterion; all given must hold."""

    business_line: Word | None = None
    order_no: Line | None = None
    serial_no: Line | None = None
    batch: Line | None = None
    limit: Annotated[int, Field(strict=True, ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        if self.order_no is None and self.serial_no is None and self.batch is None:
            raise Refusal("required", Text("请给出至少一个查询条件", "Give at least one criterion"))
        return self


class PurchaseOut(ResponseBody):
    id: str
    business_line: str
    customer_id: str | None
    catalogue_item_id: str | None
    order_no: str
    order_line: int
    product_name: str
    spec_model: str | None
    serial_no: str | None
    batch: str | None
    quantity: int
    unit_price: str | None
    purchased_on: LocalDate | None
    channel: PurchaseChannel | None
    buyer_type: BuyerType | None
    region: str | None
    sold_by: str | None
    delivered_at: Instant | None
    installed_at: Instant | None
    confirmation_method: ConfirmationMethod | None
    gift: dict[str, Any] | None
    bundle: dict[str, Any] | None
    version: int
    created_at: Instant
    updated_at: Instant


class PurchaseList(ResponseBody):
    items: list[PurchaseOut]
    next_cursor: str | None
    has_more: bool


class ImportIn(RequestBody):
    """A CSV file as text, with the names of its columns in the first line, Chinese or English."""

    business_line: Word | None = None
    csv: Annotated[str, Field(min_length=1, max_length=1_000_000)]


class BadCell(ResponseBody):
    """Why a line was not taken. `line` counts as the file does, from 1 for the names of the columns."""

    line: int
    column: str | None
    code: str
    reason: Bilingual


class ImportReport(ResponseBody):
    """`bad` names the first thousand; every other line is kept, or was there already."""

    lines: int
    imported: int
    already_there: int
    bad_lines: int
    bad: list[BadCell]
