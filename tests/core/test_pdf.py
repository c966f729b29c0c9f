"""PDF documents: data never becomes markup, templates read nothing else, and a missing font is said to be missing."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typst

from app.core.errors import ServerBusy
from app.core.pdf import FontMissing, Printer
from tests.http.pdf import contents, needs_a_font, signs

pytestmark = needs_a_font

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
SAYS = "#set text(font: sys.inputs.serif)\n#let sheet = json(bytes(sys.inputs.sheet))\n#sheet.said"
HOSTILE = '#eval("1") $x$ \\ *粗* _斜_ <a> @b `c` // [d] = e #include "x" #panic() {"said": 1} "quoted"'


@pytest.fixture(scope="module")
def printer() -> Printer:
    return Printer()


def a_template(folder: Path, text: str) -> Path:
    file = folder / "a.typ"
    file.write_text(text, encoding="utf-8")
    return file


async def test_a_text_is_set_as_it_is_whatever_it_says(printer: Printer, tmp_path: Path) -> None:
    document = await printer.print(a_template(tmp_path, SAYS), {"said": HOSTILE}, at=NOON)
    assert signs(document) >= set(HOSTILE) - {" "}


async def test_the_fonts_are_inside(printer: Printer, tmp_path: Path) -> None:
    document = await printer.print(a_template(tmp_path, SAYS), {"said": "客户投诉处理报告单"}, at=NOON)
    assert b"/FontFile3" in contents(document)
    assert b"CJK" in contents(document)
    assert document.startswith(b"%PDF-")


async def test_the_same_sheet_at_the_same_time_is_the_same_document(printer: Printer, tmp_path: Path) -> None:
    template = a_template(tmp_path, SAYS)
    first, second = [await printer.print(template, {"said": "一"}, at=NOON) for _ in range(2)]
    assert first == second


@pytest.mark.parametrize(
    "reading",
    ['#read("../secret.txt")', '#read("/../secret.txt")', '#read("/etc/hostname")', '#include "../secret.typ"'],
)
async def test_a_template_reads_nothing_outside_its_folder(printer: Printer, tmp_path: Path, reading: str) -> None:
    for name in ("secret.txt", "secret.typ"):
        (tmp_path / name).write_text("secret", encoding="utf-8")
    folder = tmp_path / "templates"
    folder.mkdir()
    with pytest.raises(typst.TypstError):
        await printer.print(a_template(folder, reading), {}, at=NOON)


async def test_without_a_chinese_font_it_says_what_to_install(tmp_path: Path) -> None:
    template = a_template(tmp_path, SAYS)
    for _ in range(2):
        with pytest.raises(FontMissing) as missing:
            await Printer(tmp_path).print(template, {"said": "一"}, at=NOON)
        assert "fonts-noto-cjk" in missing.value.detail.zh
        assert "AFTERSALES_FONTS_FOLDER" in missing.value.detail.en


async def test_nobody_waits_for_a_document_without_end(tmp_path: Path) -> None:
    with pytest.raises(ServerBusy) as busy:
        await Printer(longest_seconds=0.001).print(a_template(tmp_path, SAYS), {"said": "一"}, at=NOON)
    assert busy.value.headers["Retry-After"]


async def test_other_work_goes_on_while_documents_are_made(printer: Printer, tmp_path: Path) -> None:
    template = a_template(tmp_path, SAYS + "\n#for i in range(300) [#sheet.said #parbreak()]")
    turns, making = 0, asyncio.gather(*(printer.print(template, {"said": "字" * 400}, at=NOON) for _ in range(3)))
    while not making.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert len(set(await making)) == 1
    assert turns > 10
