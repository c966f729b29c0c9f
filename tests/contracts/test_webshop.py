"""What the page of a web shop relies on, asked over a socket as a browser asks."""

import re
from typing import Any

import httpx
import pytest

from tests.http import test_webshop
from tests.http.problems import check_problem

shop = test_webshop.shop
Shop = tuple[str, str, test_webshop.Seen]
REASONS = ("no_reason", "quality", "wrong_item", "not_as_described", "shipping_damage")


def words_of(page: str, name: str) -> set[str]:
    """The values that the page has a word for."""
    [table] = re.findall(rf"const {name} = {{(.*?)}}", page)
    return set(re.findall(r"(\w+): \"", table))


async def ask(ours: str, digits: str, reason: str) -> tuple[httpx.Response, str]:
    """Ask as the page does, which is returned too."""
    async with httpx.AsyncClient() as browser:
        page = (await browser.get(ours)).text
        [main] = re.findall(r"<main[^>]*>", page)
        data = dict(re.findall(r'data-(\w+)="([^"]*)"', main))
        facts = {
            "reason": reason, "condition": "unused", "product_category": data["category"],
            "quality_defect": "claimed" if reason == "quality" else "none",
        }  # fmt: skip
        body = {"business_line": data["line"], "order_no": "D-1", "proof": {"phone_last4": digits}, "facts": facts}
        headers = {"Authorization": f"Bearer {data['key']}", "Origin": ours, "Accept-Language": "en"}
        return await browser.post(f"{data['service']}/v1/returns/eligibility", json=body, headers=headers), page


@pytest.mark.parametrize("reason", REASONS)
async def test_what_the_page_shows_is_in_the_answer_and_has_a_word(shop: Shop, reason: str) -> None:
    response, page = await ask(shop[0], "1234", reason)
    assert response.status_code == 200, response.text
    assert response.headers["access-control-allow-origin"] == shop[0]
    answer: dict[str, Any] = response.json()
    words = words_of(page, "words")
    assert answer["outcome"] in words_of(page, "outcomes")
    assert set(answer["remedies"]) <= words
    assert answer["freight_payer"] is None or answer["freight_payer"] in words
    assert answer["deadline"] is None or re.match(r"\d{4}-\d\d-\d\d", answer["deadline"])
    assert answer["basis"]
    for rule in answer["basis"]:
        assert rule["reason"]["zh"]
        assert rule["reason"]["en"]
        assert rule["law"]
        assert isinstance(rule["article"], str)


async def test_a_wrong_proof_is_a_problem_whose_title_the_page_can_show(shop: Shop) -> None:
    response, _ = await ask(shop[0], "0000", "no_reason")
    assert check_problem(response, 404, "not_found")["title"]
    assert response.headers["access-control-allow-origin"] == shop[0]
