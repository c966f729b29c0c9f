"""按订单号查询: a purchase found by its order number and a proof that whoever asks is the customer.

An unknown order and a wrong proof take the same work and end the same way, so that nobody learns which numbers exist.
"""

import base64
import binascii
import hmac
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.crypto import KeyRing
from app.core.errors import NotFound
from app.core.language import Text
from app.models.customers import Customer
from app.models.purchases import Purchase
from app.schemas.orders import OrderProofIn, OrderTokenIn, OrderTokenOut
from app.services.archive.customers import SEALED
from app.services.context import Context
from app.services.directory import Line
from app.services.tickets.customers import comparable_phone

# Ten thousand endings and ten tries a day: a guess succeeds once in three years. A signed token always may be tried.
WRONG_PROOFS_A_DAY: Final = 10
_PURPOSE: Final = "order-token"
_SIGNATURE: Final = 16
_DECOY: Final = UUID(int=0)


class OrderNotProven(NotFound):
    """No such order, or the proof is not its customer's: the two look the same."""

    title = Text("未找到该订单，或凭证不符", "No such order, or the proof is not its customer's")


async def purchase_by_order(
    ctx: Context, session: AsyncSession, line: Line, order_no: str, proof: OrderProofIn, *, order_line: int = 1
) -> Purchase | None:
    """Return one line of an order to whoever proves to be its customer, None to anybody else.

    Of wrong last digits an order takes ten a day; from then on only a token proves it. The transaction that finds
    them wrong has to be committed, or they are not counted.
    """
    by_digits = proof.phone_last4 is not None
    may_try = not by_digits or await ctx.kit.wrong_proofs.begin(session, line.id.hex, order_no)
    found = await session.execute(
        select(Purchase, Customer)
        .outerjoin(Customer, Customer.id == Purchase.customer_id)
        .where(Purchase.business_line_id == line.id, Purchase.order_no == order_no, Purchase.order_line == order_line)
        .order_by(Purchase.created_at, Purchase.id)
        .limit(1)
    )
    purchase, customer = found.one_or_none() or (None, None)
    if proof.phone_last4 is not None:
        proven = _ends_with(customer, proof.phone_last4, ctx.keyring) and may_try
    else:
        proven = _is_token(proof.order_token or "", line.id, order_no, ctx.keyring, ctx.now)
    if purchase is None or not proven:
        return None
    if by_digits:
        await ctx.kit.wrong_proofs.succeed(session, line.id.hex, order_no)
    return purchase


def _ends_with(customer: Customer | None, last4: str, keyring: KeyRing) -> bool:
    """Compare with the phone on file, or with a decoy: something is opened in any case."""
    sealed, row = _decoy(keyring), _DECOY
    if customer is not None and customer.contact_sealed is not None:
        sealed, row = customer.contact_sealed, customer.id
    phone = keyring.open(sealed, place=SEALED, row=row).get("phone") or ""
    return hmac.compare_digest(comparable_phone(phone)[-4:].encode(), last4.encode())


@cache
def _decoy(keyring: KeyRing) -> bytes:
    person = {"name": "张三", "phone": "+86138000000--", "email": None, "address": None}
    return keyring.seal(person, place=SEALED, row=_DECOY)


def make_order_token(ctx: Context, body: OrderTokenIn) -> Answer:
    """Sign a token for an order of a line. Raises: NotFound for the line."""
    line = ctx.line(body.business_line)
    token, ends = sign_order(ctx.keyring, line.id, body.order_no, ctx.now, timedelta(days=body.days))
    return Answer.of(200, OrderTokenOut(order_token=token, expires_at=ends))


def sign_order(keyring: KeyRing, line: UUID, order_no: str, now: datetime, lifetime: timedelta) -> tuple[str, datetime]:
    """Return a token that proves an order, and when it ends."""
    ends = (now + lifetime).replace(microsecond=0)
    message = json.dumps([line.hex, order_no, int(ends.timestamp())], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(keyring.sign(_PURPOSE, message) + message).decode().rstrip("="), ends


def _is_token(token: str, line: UUID, order_no: str, keyring: KeyRing, now: datetime) -> bool:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return False
    signature, message = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not keyring.signed(_PURPOSE, message, signature):
        return False
    signed_line, signed_order, ends = json.loads(message)
    return bool(signed_line == line.hex and signed_order == order_no and now.timestamp() <= ends)
