"""Which language a caller reads."""

import time

import pytest

from app.core.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"), ("", "zh"), ("*", "zh"), ("fr", "zh"), ("en", "en"), ("EN-us", "en"), ("zh-Hans-CN", "zh"),
        ("en;q=0.8, zh;q=0.9", "zh"), ("en;q=0.9, zh;q=0.8", "en"), ("fr, en;q=0.1", "en"), ("en;q=0", "zh"),
        ("en ; q=1", "en"), ("en;q=nan", "zh"), ("en;q=inf", "en"), ("en;q=-1", "zh"), ("en;q=x", "zh"),
        ("english", "zh"),
        ("en\x00", "zh"), (",,,en", "en"), ("x," * 20 + "en", "zh"), ("é" * 100 + ",en", "en"),
    ],
)  # fmt: skip
def test_the_preference_is_read_and_anything_else_means_chinese(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize("header", ["a" * 10_000, "," * 10_000, "en;q=" + "9" * 10_000, ";" * 10_000])
def test_a_long_header_costs_nothing(header: str) -> None:
    started = time.process_time()
    preferred_language(header)
    assert time.process_time() - started < 0.01
