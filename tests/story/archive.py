"""What is on file: customers, the catalogue, purchases, warranty cards; and what follows from it."""

from app.services.erasures.erasing import erase_next
from tests.story.player import Player

_LINE = {"business_line": "chemicals"}


async def play(player: Player) -> None:
    await _customers(player)
    await _goods(player)
    await _warranty(player)
    await _erasure(player)


async def _customers(player: Player) -> None:
    await player.does(
        "POST /v1/customers",
        _LINE | {"external_id": "crm-3001", "name": "王芳", "phone": "13800001234", "tier": "vip"},
        customer="id",
    )
    await player.does("PATCH /v1/customers/{customer}", {"address": "浙江省杭州市西湖区文三路1号"})
    await player.does("GET /v1/customers/{customer}")
    await player.does("GET /v1/customers", query=_LINE)
    await player.does("POST /v1/customers/search", _LINE | {"phone": "13800001234"})
    await player.does(
        "POST /v1/customers/{customer}/reveal", {"purpose": "回电核对地址", "fields": ["phone", "address"]}
    )


async def _goods(player: Player) -> None:
    await player.does(
        "POST /v1/catalogue-items",
        _LINE | {"sku": "E-51", "name": "环氧树脂", "category": "chemical", "warranty_months": 12},
        item="id",
    )
    await player.does("PATCH /v1/catalogue-items/{item}", {"model": "E-51 20kg"})
    await player.does("GET /v1/catalogue-items/{item}")
    await player.does("GET /v1/catalogue-items", query=_LINE)
    await player.does(
        "POST /v1/purchases",
        _LINE | {
            "order_no": "D-2001", "customer_id": "{customer}", "catalogue_item_id": "{item}",
            "product_name": "环氧树脂", "spec_model": "E-51 20kg", "quantity": 5, "unit_price": "299.90",
            "purchased_on": "2026-11-18", "channel": "b2b_contract", "buyer_type": "business",
            "delivered_at": "2026-11-21T10:00:00+08:00",
        },
        purchase="id",
    )  # fmt: skip
    await player.does("PATCH /v1/purchases/{purchase}", {"batch": "B-7"})
    await player.does("GET /v1/purchases/{purchase}")
    await player.does("GET /v1/purchases", query=_LINE)
    await player.does("POST /v1/purchases/search", _LINE | {"order_no": "D-2001"})
    await player.does("POST /v1/purchases/import", _LINE | {"csv": "订单号,产品名称\nI-1,餐盘\n"})
    await player.does("POST /v1/order-tokens", _LINE | {"order_no": "D-2001"})
    await player.does("GET /v1/customers/{customer}/history")


async def _warranty(player: Player) -> None:
    await player.does("POST /v1/warranty-cards", {"purchase_id": "{purchase}", "months": 12}, card="id")
    await player.does("PATCH /v1/warranty-cards/{card}", {"repair_days": 5})
    await player.does(
        "POST /v1/warranty-cards/{card}/extensions", {"reason": "延保服务", "until": "2028-11-30", "staff_no": "1101"}
    )
    await player.does("GET /v1/warranty-cards/{card}")
    await player.does("GET /v1/warranty-cards", query=_LINE)
    await player.does("POST /v1/warranty/check", _LINE | {"purchase_id": "{purchase}"})


async def _erasure(player: Player) -> None:
    await player.does(
        "POST /v1/erasures",
        _LINE | {"external_id": "crm-3001", "ground": "requested", "identity_verified": True, "reference": "DSR-118"},
        erasure="id",
    )
    kit = player.service.app.state.kit
    while await erase_next(kit.db, kit.keyring, kit.blobs, kit.clock()):
        pass
    await player.does("GET /v1/erasures/{erasure}")
    await player.does("GET /v1/erasures", query=_LINE)
