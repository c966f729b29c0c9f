"""PDF documents from typst templates.

What a document says goes in as JSON and never becomes markup. A template reads nothing but its own folder, takes no
packages, and finds its glyphs in fonts of this machine, which are embedded.
"""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.core.errors import ServerBusy, ServiceError
from app.core.language import Text
from app.core.late import Late

if TYPE_CHECKING:
    import typst
else:
    typst = Late("typst")  # 7 MB

# Fonts with simplified Chinese, the first that is there is taken.
SERIF: Final = ("Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "Songti SC", "SimSun")
SANS: Final = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei")
_AT_A_TIME: Final = 2
_NO_PACKAGES: Final = "no-packages"  # a folder that is not there


class FontMissing(ServiceError):
    """The machine has no font with Chinese characters."""

    status, code = 503, "font_missing"
    title = Text("服务器缺少中文字体，无法生成 PDF", "The server lacks a Chinese font: no PDF can be made")

    def __init__(self) -> None:
        super().__init__(
            Text(
                "请安装思源或 Noto CJK 字体（Debian：apt-get install fonts-noto-cjk），"
                "或用 AFTERSALES_FONTS_FOLDER 指明字体目录；report.html 不受影响",
                "Install Noto CJK (Debian: apt-get install fonts-noto-cjk) or name a folder of fonts in "
                "AFTERSALES_FONTS_FOLDER; the HTML page works without",
            )
        )


class Printer:
    """Makes PDF documents in threads of its own, a few at a time."""

    def __init__(self, fonts_folder: Path | None = None, *, longest_seconds: float = 15.0) -> None:
        """`fonts_folder` takes the place of the system's fonts."""
        self._folder = fonts_folder
        self._longest_seconds = longest_seconds
        self._threads = ThreadPoolExecutor(_AT_A_TIME, "pdf")

    async def print(self, template: Path, sheet: Mapping[str, object], *, at: datetime) -> bytes:
        """Return the document that a template makes of `sheet`, dated `at`.

        Raises: FontMissing, ServerBusy if it takes too long.
        """
        text = json.dumps(sheet, ensure_ascii=False)
        making = asyncio.get_running_loop().run_in_executor(self._threads, self._compile, template, text, at)
        try:
            return await asyncio.wait_for(making, self._longest_seconds)
        except TimeoutError:
            raise ServerBusy(headers={"Retry-After": "5"}) from None

    def _compile(self, template: Path, sheet: str, at: datetime) -> bytes:
        serif, sans = self._families
        return typst.compile(
            template,
            root=template.parent,
            font_paths=self._fonts,
            ignore_system_fonts=True,
            package_path=template.parent / _NO_PACKAGES,
            package_cache_path=template.parent / _NO_PACKAGES,
            sys_inputs={"sheet": sheet, "serif": serif, "sans": sans},
            timestamp=at,
        )

    @cached_property
    def _fonts(self) -> "typst.Fonts":
        folders = [] if self._folder is None else [self._folder]
        return typst.Fonts(include_system_fonts=self._folder is None, font_paths=folders)

    @cached_property
    def _families(self) -> tuple[str, str]:
        """The names of a serif and a sans-serif font; one serves as both where there is no other."""
        known = set(self._fonts.families())
        serif = next((name for name in SERIF if name in known), None)
        sans = next((name for name in SANS if name in known), None)
        if serif is None and sans is None:
            raise FontMissing
        return serif or sans or "", sans or serif or ""
