"""Units in return requests count elsewhere too: in the eligibility check, and on the purchase."""

from typing import Any

from httpx import AsyncClient, Response

from tests.http.problems import check_problem
from tests.returns_way import WRONG_CHOICE, bought, done, submitted, way_to


async def test_a_check_knows_what_requests_hold_whatever_the_caller_says(client: AsyncClient) -> None:
    purchase = await bought(client)
    facts: dict[str, Any] = {"reason": "customer_mis_selection", "condition": "unused", "product_category": "chemical"}
    asked = {"purchase_id": purchase, "facts": facts}
    assert (await done(client, "returns/eligibility", asked))["returnable_quantity"] == 5
    first = await submitted(client, {"purchase_id": purchase, "quantity": 3} | WRONG_CHOICE)
    assert (await done(client, "returns/eligibility", asked))["returnable_quantity"] == 2
    facts |= {"quantity_returned_before": 0, "quantity_requested": 3}
    answer = await done(client, "returns/eligibility", asked)
    assert (answer["outcome"], answer["overruled_facts"]) == ("not_eligible", ["quantity_returned_before"])
    await way_to(client, first, "cancel")
    assert (await done(client, "returns/eligibility", asked))["returnable_quantity"] == 5


async def test_a_purchase_keeps_the_units_that_requests_hold(client: AsyncClient) -> None:
    path = f"/v1/purchases/{await bought(client)}"
    first = await submitted(client, {"purchase_id": path.rsplit("/", 1)[1], "quantity": 3} | WRONG_CHOICE)

    async def becomes(quantity: int) -> Response:
        tag = (await client.get(path)).headers["etag"]
        return await client.patch(path, json={"quantity": quantity}, headers={"If-Match": tag})

    assert check_problem(await becomes(2), 409, "quantity_held_by_returns")["held"] == 3
    assert (await becomes(3)).status_code == 200
    await way_to(client, first, "cancel")
    assert (await becomes(2)).status_code == 200
