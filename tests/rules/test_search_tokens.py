import pytest

from app.services.rules.search_tokens import MOST, search_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("售后服务", ("售后", "后服", "服务")),
        ("坏 X1，坏", ("坏", "x1")),
        ("ＡＢＣ１２", ("abc12",)),
        ("", ()),
        ("！！🙂", ()),
    ],
)
def test_chinese_is_cut_in_pairs_and_the_rest_in_words(text: str, tokens: tuple[str, ...]) -> None:
    assert search_tokens(text) == tokens


def test_a_long_text_has_bounded_tokens() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(9000))
    assert len(search_tokens(text)) == MOST
