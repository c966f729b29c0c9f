"""Masking: what a key without the sensitive tier is shown of a person."""

import time

import pytest

from app.core.personal import mask_address, mask_email, mask_name, mask_phone, mask_text, may_identify


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613800001234", "138****1234"),
        ("+8657188880000", "571****0000"),
        ("+15551234567", "155****4567"),
        ("+4912345", "*****45"),
        ("95588", "***88"),
        ("12", "**"),
        ("1", "*"),
    ],
)
def test_a_phone_keeps_its_ends(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [("张三", "张*"), ("张三丰", "张**"), ("欧阳娜娜", "欧***"), ("Alexander the Great", "A***"), ("张", "张*")],
)
def test_a_name_keeps_its_first_character(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("wang@example.com", "w***@example.com"),
        ("w@example.com", "***@example.com"),
        ("王芳@例子.中国", "王***@例子.中国"),
    ],
)
def test_an_email_keeps_its_domain_and_never_its_whole_user(email: str, shown: str) -> None:
    assert mask_email(email) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("浙江省杭州市西湖区文三路1号", "浙江省杭州市西湖区***"),
        ("浙江省杭州市桐庐县某镇2号", "浙江省杭州市桐庐县***"),
        ("上海市浦东新区世纪大道100号", "上海市浦东新区***"),
        ("广东省东莞市长安镇振安路8号", "广东省东莞市***"),
        ("内蒙古自治区呼和浩特市赛罕区敕勒川大街1号", "内蒙古自治区呼和浩特市赛罕区***"),
        ("内蒙古自治区兴安盟科尔沁右翼前旗1号", "内蒙古自治区兴安盟科尔沁右翼前旗***"),
        ("阳光花园小区12栋302室", "阳光***"),
        ("杭州市幸福小区3栋", "杭州市***"),
        ("王家村3号", "王家***"),
        ("12 Baker Street, London", "12***"),
        ("某", "***"),
        ("", "***"),
    ],
)
def test_an_address_ends_at_its_district(address: str, shown: str) -> None:
    assert mask_address(address) == shown


PERSONAL = [
    "13800001234",
    "138 0000 1234",
    "138-0000-1234",
    "138.0000.1234",
    "1380000 1234",
    "138 000 01234",
    "+86 138 0000 1234",
    "+8613800001234",
    "8613800001234",
    "008613800001234",
    "(+86)13800001234",
    "１３８００００１２３４",
    "138—0000—1234",
    "0571-88880000",
    "(0571)88880000",
    "（0571）8888 0000",
    "010 8888 0000",
    "wang.fang+1@mail.example.com",
    "wang＠example.com",
    "110105194912310021",
    "11010519491231002X",
    "11010519491231002x",
    "110105 19491231 002X",
    "6222021234567890123",
    "6222 0212 3456 7890",
    "6222 0212 3456 7890 123",
    "6222-0212-3456-7890",
    "622202 1234567890123",
]


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("sentence", ["{}", "请打{}联系我", "tel:{},", "a{}b", "{}\n{}"])
def test_numbers_and_addresses_of_a_person_do_not_survive_in_free_text(value: str, sentence: str) -> None:
    masked = mask_text(sentence.format(value, value))
    assert value not in masked
    digits, kept = (sum(map(str.isdigit, shown)) for shown in (value, masked.split("\n")[0]))
    assert digits - kept >= 4 or "@" in masked.replace("＠", "@")


@pytest.mark.parametrize(
    "text",
    [
        "餐盘收到时有两个裂了，请尽快处理。",
        "工单 AS-20261122-000123，11 月 22 日 14:30 送达",
        "2026-11-22 14:30:00 下单 3 件，每件 199.00 元",
        "型号 TW-2024-88，批次 B20261101",
        "温度 25.5 度，湿度 60%",
        "@客服 请看",
    ],
)
def test_what_is_not_personal_stays_readable(text: str) -> None:
    assert mask_text(text) == text


def test_masked_text_keeps_its_length_so_that_evidence_positions_hold() -> None:
    text = "电话 +86 138-0000-1234，卡号 6222 0212 3456 7890 123，邮箱 a@example.com、wang.fang@example.com，完"
    assert len(mask_text(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000,
        "1" * 10_000,
        "a." * 5_000,
        "a@" * 5_000,
        "1-" * 5_000,
        "1 3" * 3_000,
        "0571-" * 2_000,
        "(" * 10_000,
    ],
)
def test_no_text_of_ten_thousand_characters_is_dear_to_mask(text: str) -> None:
    started = time.process_time()
    mask_text(text)
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    "text",
    ["0571) 123 4567", "(010)-123-4567", "+86.138.0000.1234", "１３８　００００　１２３４", "a＠example.com",
     "330102 19900101 1234", "6222-0212-3456-7890-1"],
)  # fmt: skip
def test_what_is_masked_is_seen_at_the_first_look(text: str) -> None:
    assert may_identify(text)
    assert mask_text(text) != text


def test_digits_of_two_texts_are_not_taken_for_one_number() -> None:
    assert not may_identify("前5位 13800", "001234 号")
    assert may_identify("前5位", "13800001234")
