"""`aftersales reseal`: after a change of key."""

from pathlib import Path

import pytest

from app.core.crypto import KeyRing
from tests.cli.test_commands import Capture, said

FILE = "订单号,产品名称,数量,姓名,手机号\nD-1,餐盘,2,王芳,13800001234\nD-2,筷子,1,李雷,13800005678\n"


def test_what_an_older_key_sealed_is_counted_and_sealed_anew(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    old, new = KeyRing.new_entry("old"), KeyRing.new_entry("new")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", old)
    said(capsys, "lines", "add", "shop", "--policy", "tableware")
    file = tmp_path / "purchases.csv"
    file.write_text(FILE, encoding="utf-8")
    said(capsys, "import", "purchases", str(file), "--line", "shop")
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", new)
    (refusal,) = said(capsys, "reseal", status=2)
    assert "'old' is not in the ring" in refusal
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", f"{new},{old}")
    assert "customer.contact_sealed\t2" in said(capsys, "reseal")
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", new)
    assert {line.split("\t")[1] for line in said(capsys, "reseal")} == {"0"}
