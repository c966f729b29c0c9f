"""The commands about purchases: keys for web pages, tokens for orders, and files of purchases."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from app.core.crypto import KeyRing
from tests.cli.test_commands import Capture, said

HEADER = "订单号,产品名称,数量,单价,购买日期,姓名,手机号\n"
FILE = (
    HEADER
    + "D-1,餐盘,2,￥299.00,2026/3/8,王芳,13800001234\nD-2,筷子,许多,9.9,2026/3/8,李雷,13800005678\nD-3,碗,1,9,,,\n"
)


@pytest.fixture
def shop(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> str:
    """A database with one line; its URL."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", KeyRing.new_entry("test"))
    said(capsys, "lines", "add", "shop", "--policy", "tableware")
    return database_url


@pytest.mark.usefixtures("shop")
def test_a_browser_key_is_made_for_origins_and_reaches_the_check_alone(capsys: Capture) -> None:
    origins = ("https://shop.example", "http://localhost:8080")
    (key,) = said(
        capsys, "keys", "create", "--name", "page", "--browser", "--line", "shop", "--tier", "sensitive",
        "--origin", *origins,
    )  # fmt: skip
    assert key.startswith("as_pk_")
    (row,) = said(capsys, "keys", "list")
    assert row.split("\t")[3:] == ["shop", "returns:check", "public", *origins]
    (fresh,) = said(capsys, "keys", "rotate", row.split("\t")[0])
    assert fresh.startswith("as_pk_")
    assert [row.split("\t")[6:] for row in said(capsys, "keys", "list")] == [list(origins)] * 2


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--browser",), "--origin"),
        (("--origin", "https://shop.example"), "--browser"),
        (("--browser", "--origin", "https://shop.example", "--scope", "tickets:read"), "--scope"),
        (("--browser", "--origin", "http://shop.example"), "no origin"),
        (("--browser", "--origin", "https://shop.example/page"), "no origin"),
        (("--browser", "--origin", "https://SHOP.example"), "no origin"),
        (("--browser", "--origin", "*"), "no origin"),
        (("--browser", "--origin", "null"), "no origin"),
        (("--browser", "--origin", "https://shop.example", "--line", "*"), "one business line"),
    ],
)
def test_a_browser_key_that_cannot_be_is_refused_in_a_line(
    arguments: tuple[str, ...], complaint: str, capsys: Capture
) -> None:
    line = () if "--line" in arguments else ("--line", "shop")
    (printed,) = said(capsys, "keys", "create", "--name", "page", *line, *arguments, status=2)
    assert complaint in printed
    assert said(capsys, "keys", "list") == []


@pytest.mark.usefixtures("shop")
def test_a_token_is_signed_for_an_order_of_a_line_that_there_is(capsys: Capture) -> None:
    (token,) = said(capsys, "order-token", "D-1", "--line", "shop", "--days", "7")
    assert len(token) > 40
    for arguments, complaint in ((("--line", "atlantis"), "atlantis"), (("--line", "shop", "--days", "366"), "365")):
        (printed,) = said(capsys, "order-token", "D-1", *arguments, status=2)
        assert complaint in printed


def test_a_file_is_taken_once_its_bad_lines_are_printed_and_nobodys_phone_is(
    shop: str, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(FILE.encode("gbk"))
    bad, summary = said(capsys, "import", "purchases", str(file), "--line", "shop", status=1)
    assert bad.startswith("3\t数量\tnot_an_integer\t")
    assert summary.endswith("imported 2, already there 0, bad 1")
    assert "13800005678" not in bad + summary
    assert said(capsys, "import", "purchases", str(file), "--line", "shop", status=1)[-1].endswith(
        "imported 0, already there 2, bad 1"
    )
    assert asyncio.run(_orders(shop)) == ["D-1", "D-3"]


async def _orders(url: str) -> list[str]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row[0] for row in await connection.fetch("SELECT order_no FROM purchase ORDER BY order_no")]
    finally:
        await connection.close()


@pytest.mark.usefixtures("shop")
def test_a_file_that_cannot_be_taken_is_refused_in_a_line(capsys: Capture, tmp_path: Path) -> None:
    good, headless = tmp_path / "good.csv", tmp_path / "headless.csv"
    good.write_text(FILE, encoding="utf-8")
    headless.write_text("单号\n1\n", encoding="utf-8")
    for file, line in ((good, "atlantis"), (headless, "shop"), (tmp_path / "absent.csv", "shop")):
        assert len(said(capsys, "import", "purchases", str(file), "--line", line, status=2)) == 1
