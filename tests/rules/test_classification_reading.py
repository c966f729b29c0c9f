"""Classes of texts that words alone misread. Every text here is this project's own."""

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.classification import ClassificationFacts, ComplaintClass, IssueType, Kind, Severity, classify

MISREAD = 0.25  # the most of a table that a trained model may get wrong


def read(text: str, book: PolicyBook, kind: Kind | None = None) -> tuple[str, str, str]:
    found = classify(ClassificationFacts(text, kind=kind), book.classifier)
    return found.complaint_class, found.issue_type, found.severity


TRADES = [
    # chemicals: cure, viscosity, colour, sediment, shelf life, out of specification, package
    ("环氧胶按比例调好，一天了还不固化", "quality product_quality serious"),
    ("这桶面漆黏度比上批高一大截，喷枪都堵了", "quality product_quality minor"),
    ("助剂桶底有沉淀，搅不开", "quality product_quality minor"),
    ("乳液破乳分层，没法用", "quality product_quality serious"),
    ("涂层附着力不够，一撕就掉", "quality product_quality minor"),
    ("来料检验固含量超出规格上限", "quality product_quality serious"),
    ("溶剂水分超标，要求退货", "quality product_quality serious"),
    ("清洗剂到货时桶盖渗漏", "non_quality logistics minor"),
    # electronic components
    ("抽了二十个电阻，六个阻值超差", "quality product_quality minor"),
    ("晶振频偏超规格", "quality product_quality minor"),
    ("芯片虚焊，回流后掉件", "quality product_quality serious"),
    ("端子发黑，可焊性试验不通过", "quality product_quality minor"),
    ("同一卷里混了两种阻值，混料了", "quality product_quality serious"),
    ("电源模块上电即烧，客户产线已停", "quality product_quality serious"),
    ("批次不良率百分之二", "quality product_quality serious"),
    # short or wrong delivery, wrong label
    ("订六箱只收到一半", "non_quality logistics minor"),
    ("实收少一盘，封签完好", "non_quality logistics minor"),
    ("卷盘贴错标签", "non_quality logistics minor"),
    ("少送了三百公斤", "non_quality logistics minor"),
    # prices against the contract, price protection
    ("本月对账单价高于合同", "non_quality price_billing minor"),
    ("结算单价比合同价高了三分", "non_quality price_billing minor"),
    ("第二天就降价，客服说不保价", "other price_billing minor"),
    # laboratory findings, with or without a regulator
    ("第三方检测说不合格，不给处理我就找12315", "quality product_quality serious"),
    ("标签写羊毛八成，我送检只有四成，再不给说法就打12315", "quality description_mismatch serious"),
]


def test_most_of_the_vocabulary_of_the_trades_is_read(book: PolicyBook) -> None:
    misread = [text for text, expected in TRADES if read(text, book) != tuple(expected.split())]
    assert len(misread) <= MISREAD * len(TRADES), misread


WORDS = [
    "操作台面的开关在哪",
    "给新来的操作工和班组长培训",
    "订了一口不粘锅，什么时候送",
    "师傅走之前把地拖了",
    "保修卡丢了还能保修吗",
    "这个破壁机有几个档位",
    "卡车进得了小区吗",
    "卖家不认识我说的型号，你们有吗",
    "剩下的两件什么时候发",
    "麻烦您给我回个电话",
    "漏电保护器型号是什么",
    "炸锅的滤网哪里买",
]


@pytest.mark.parametrize("kind", [None, Kind.CONSULTATION])
def test_words_inside_others_are_mostly_not_read(book: PolicyBook, kind: Kind | None) -> None:
    misread = [text for text in WORDS if read(text, book, kind)[0] != ComplaintClass.NOT_COMPLAINT]
    assert len(misread) <= MISREAD * len(WORDS), misread


CONTENT = [
    "床架过了保修期还能上门吗",
    "过保了还能修吗",
    "保修期是多久，坏了怎么算",
    "人为损坏的维修要收多少钱",
    "这款会不会掉色",
    "不合适能退吗，运费谁出",
    "床垫行不行，够不够硬",
    "怎么判断是不是原装",
    "甲醛达不达标，有没有报告",
    "建议加个提醒，别等打不出来才提示",
    "鞋大了一号，没穿过，想换小一码",
    "尺寸买大了装不进去，没用过，能换小号吗",
    "要夸夸送货的师傅，下雨天也没淋湿，谢谢他",
    "师傅技术好，装完把垃圾都带走了",
]


def test_most_terms_wishes_own_choices_and_praise_state_no_failure(book: PolicyBook) -> None:
    misread = [text for text in CONTENT if read(text, book)[0] != ComplaintClass.NOT_COMPLAINT]
    assert len(misread) <= MISREAD * len(CONTENT), misread


SEVERITIES = [
    # harm, also where the goods are only blamed for it
    ("新沙发放进屋一周，孩子天天流鼻血", "critical"),
    ("刷完漆甲醛味重，宝宝身上起疹子", "critical"),
    ("橱柜气味刺鼻，住进去就头晕恶心", "critical"),
    ("椅子腿断了，人摔下来，腰疼得直不起来", "critical"),
    ("误食了干燥剂", "critical"),
    # glass and lamps burst; displays crack
    ("灯泡突然炸了", "critical"),
    ("吃饭时玻璃转盘炸裂", "critical"),
    ("插线板没插几天就烧黑了", "critical"),
    ("手机显示屏爆了", "minor"),
    ("一摔外屏就炸了，还能用", "minor"),
    # damages, uselessness, money that does not come back, proof of used goods
    ("合同写实木，拆开是密度板，要退一赔三", "serious"),
    ("买的皮衣是人造革，要求十倍赔偿", "serious"),
    ("床板断了，没法睡", "serious"),
    ("退款说走流程，钱一分没见着", "serious"),
    ("收到的是翻新机，我有截图", "serious"),
    ("收到的是翻新机", "minor"),
    ("师傅把橱柜钻穿了", "serious"),
    ("为这事催了三次，到今天没有下文", "serious"),
    # a visit asked for is no demand
    ("柜门有点异响，要求周末上门看一下", "minor"),
    ("油烟机灯不亮，风小，要求上门", "minor"),
]


def test_most_severities_follow_harm_use_and_demand(book: PolicyBook) -> None:
    misread = [text for text, severity in SEVERITIES if read(text, book)[2] != severity]
    assert len(misread) <= MISREAD * len(SEVERITIES), misread


def test_a_ticket_taken_as_a_complaint_is_never_read_as_none(book: PolicyBook) -> None:
    for text in ("说不上来，就是不对劲", "怎么办呢", "问题解决了，谢谢", "会不会漏电", "尺码买错了，没拆，想退"):
        found = classify(ClassificationFacts(text, kind=Kind.COMPLAINT), book.classifier)
        assert found.complaint_class is not ComplaintClass.NOT_COMPLAINT
        assert found.severity is not Severity.NONE
        assert found.needs_confirmation


def test_who_wants_a_repair_has_a_fault_even_if_it_is_not_named(book: PolicyBook) -> None:
    assert read("模块一台，请安排维修", book)[:2] == (ComplaintClass.QUALITY, IssueType.PRODUCT_QUALITY)
    assert read("模块一台，编号见箱", book, Kind.REPAIR)[0] != ComplaintClass.NOT_COMPLAINT
    assert read("维修网点在哪", book)[0] == ComplaintClass.NOT_COMPLAINT


def test_a_hazard_is_critical_whatever_the_ticket_was_taken_as(book: PolicyBook) -> None:
    assert read("插座冒烟", book, Kind.INSTALLATION)[2] == Severity.CRITICAL
