"""What customers write, read by the shipped lexicon and model. Every text here is this project's own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.policy_book import PolicyBook
from app.services.rules.classification import (
    Classification,
    ClassificationFacts,
    Classifier,
    ComplaintClass,
    IssueType,
    Kind,
    Severity,
    Urgency,
    classify,
)

MISREAD = 0.25  # the most of a table that a trained model may get wrong; the bench measures how well it reads


@pytest.fixture(scope="module")
def classifier(book: PolicyBook) -> Classifier:
    return book.classifier


def read(text: str, classifier: Classifier) -> Classification:
    return classify(ClassificationFacts(text), classifier)


def labels_of(found: Classification) -> list[str]:
    return [found.complaint_class, found.issue_type, found.severity]


COMPLAINTS = [
    # tableware
    ("竹筷发霉，还有黑点", "quality", "product_quality", "serious"),
    ("这批密胺餐盘有很重的塑料味，盛热汤后更明显", "quality", "product_quality", "minor"),
    ("质检抽样发现本批产品铅溶出超标", "quality", "safety", "serious"),
    # chemicals
    ("这批溶剂纯度不达标，和上次的检测报告对不上", "quality", "product_quality", "minor"),
    ("清洗剂桶运输途中泄漏，腐蚀了地板", "non_quality", "logistics", "serious"),
    # mall, clothes, books, food
    ("鞋子是假货，专柜验过了，不退就打12315", "quality", "description_mismatch", "serious"),
    ("衣服掉色严重，把白裤子都染了", "quality", "product_quality", "minor"),
    ("这本书内容空洞，翻译也生硬", "other", "other", "minor"),
    ("外卖送了两个小时，饭都凉了", "non_quality", "logistics", "minor"),
    ("菜里吃出一根头发，恶心", "quality", "product_quality", "serious"),
    ("预付卡余额一直不给退，门店还推脱", "non_quality", "return_refund", "serious"),
    # electronic components
    ("贵司电容上机后批量失效，不良率约3%，要求分析原因", "quality", "product_quality", "serious"),
    ("芯片引脚氧化，可焊性差", "quality", "product_quality", "minor"),
    ("发错型号了，我订的是0805的电阻，给我发成0603", "non_quality", "logistics", "minor"),
    # bathroom heaters and other appliances
    ("浴霸灯泡不亮了，麻烦派人来修一下", "quality", "product_quality", "serious"),
    ("安装师傅多收了我200块材料费，还不给发票", "non_quality", "price_billing", "minor"),
    ("报修一个星期了，一直没人上门", "non_quality", "service_timeliness", "minor"),
    ("没有驱动，说明书也看不懂", "other", "technical_use", "minor"),
    # furniture
    ("师傅安装时把瓷砖打裂了，要求赔偿", "non_quality", "installation", "serious"),
    ("定制的衣柜尺寸做错了，和合同不符", "quality", "description_mismatch", "minor"),
    ("餐桌少发了两颗螺丝", "non_quality", "logistics", "minor"),
    # people, prices, privacy
    ("客服态度恶劣，还骂人", "non_quality", "service_attitude", "minor"),
    ("刚买三天就降价两百，不给退差价", "other", "price_billing", "minor"),
    ("说好送的赠品没有送", "non_quality", "description_mismatch", "minor"),
    ("我的个人信息被你们泄露了，天天接到推销电话", "non_quality", "privacy", "serious"),
    ("显示已签收，但是我根本没收到", "non_quality", "logistics", "serious"),
    # traditional characters, full-width letters, English
    ("師傅安裝時把瓷磚打裂了，要求賠償", "non_quality", "installation", "serious"),
    ("客服態度惡劣", "non_quality", "service_attitude", "minor"),
    ("ＡＰＰ连不上ＷＩＦＩ，设置太复杂", "other", "technical_use", "minor"),
    ("My order never arrived and nobody answers", "non_quality", "logistics", "serious"),
    ("The plates arrived broken", "non_quality", "logistics", "minor"),
]


def test_most_texts_are_read_for_what_they_complain_of(classifier: Classifier) -> None:
    misread = [text for text, *labels in COMPLAINTS if labels_of(read(text, classifier)) != labels]
    assert len(misread) <= MISREAD * len(COMPLAINTS), misread


@pytest.mark.parametrize(
    "text",
    [
        "热水器外壳漏电，洗澡的时候手发麻",
        "熱水器漏電，我被電到了",
        "每次开机都有焦糊味",
        "插座烧黑了，还冒烟",
        "玻璃门自己爆了",
        "燃气灶旁边有煤气味",
        "浴霸面板快掉下来了",
        "碗边崩了一块，划破了孩子的嘴",
        "米饭里有一截铁丝",
        "吃完拉肚子，去医院输液了",
        "用了沐浴露起了一身红疹",
        "操作工被清洗剂溅到眼睛",
        "充电器很烫，怕着火",
        "东西不错，就是有点漏电",
        "漏电怎么办",
        "I got an electric shock from the heater",
    ],
)
def test_harm_and_hazard_are_critical_and_an_emergency(classifier: Classifier, text: str) -> None:
    found = read(text, classifier)
    assert (found.severity, found.urgency) == (Severity.CRITICAL, Urgency.EMERGENCY)
    assert any(evidence.supports == "severity:critical" for evidence in found.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "手机卡爆炸，开个微信都要半天",  # slow
        "屏炸了",  # cracked
        "电脑中毒了",  # malware
        "手机漏电太快",  # power drain
        "气得我都要冒烟了",
        "贵死了，坑死人",
        "没有漏电，用着放心",
        "带漏电保护吗",
        "会不会漏电",
        "担心以后漏电",
        "万一着火就麻烦了",
        "芯片漏电流偏大",
        "书里主人公中毒身亡，剧情老套",
        "充电时有点发热",
        "洗完头有点痒",
    ],
)
def test_figures_of_speech_denials_and_mere_fears_are_not_critical(classifier: Classifier, text: str) -> None:
    assert read(text, classifier).severity is not Severity.CRITICAL


@pytest.mark.parametrize(
    "text",
    [
        "你好，这款电饭煲有几种颜色？",
        "可以改一下收货地址吗",
        "请问发票什么时候开",
        "客户询问灯具出现质量问题怎么保修",
        "物流快，包装好，质量也好",
        "用了一年，没有任何问题",
        "之前漏水，师傅来换了配件，现在好了，谢谢",
        "买了热水器，请安排师傅上门安装",
        "Great service, thank you!",
    ],
)
def test_questions_praise_and_settled_matters_are_no_complaint(classifier: Classifier, text: str) -> None:
    found = read(text, classifier)
    assert (found.complaint_class, found.issue_type, found.severity, found.also) == (
        ComplaintClass.NOT_COMPLAINT,
        IssueType.NONE,
        Severity.NONE,
        (),
    )


KINDS = [
    ("请问这款浴霸多少瓦", Kind.CONSULTATION),
    ("你好，我想预约安装浴霸", Kind.INSTALLATION),
    ("浴霸灯泡不亮了，麻烦派人来修一下", Kind.REPAIR),  # states a failure, wants a visit
    ("滤芯到期了，想约个保养", Kind.MAINTENANCE),
    ("我要退货，尺码买小了，没拆封", Kind.RETURN_EXCHANGE),
    ("客服态度恶劣，我要投诉", Kind.COMPLAINT),
    ("报修三次了一直没人来修，什么服务态度", Kind.COMPLAINT),  # a repair wish, but about people by now
    ("热水器漏电，赶紧派人来修", Kind.COMPLAINT),  # a hazard is never a plain repair
    ("器件耐压参数怎么选型？有没有规格书", Kind.TECHNICAL_SUPPORT),
    ("能不能组织一次操作培训", Kind.TRAINING),
    ("建议你们增加一个夜间客服", Kind.SUGGESTION),
    ("师傅服务特别好，表扬一下", Kind.PRAISE),
]


def test_most_kinds_are_proposed_as_a_hotline_would_register_them(classifier: Classifier) -> None:
    misread = [text for text, kind in KINDS if read(text, classifier).kind is not kind]
    assert len(misread) <= MISREAD * len(KINDS), misread


def test_a_kind_that_is_given_is_kept(classifier: Classifier) -> None:
    found = classify(ClassificationFacts("灯泡用了两天就坏了，质量太差，要求换新", kind=Kind.CONSULTATION), classifier)
    assert (found.kind, found.confidence.kind) == (Kind.CONSULTATION, 1.0)
    assert found.complaint_class is ComplaintClass.QUALITY


def test_staff_are_asked_about_a_complaint_that_gives_no_reason(classifier: Classifier) -> None:
    reported = classify(ClassificationFacts("请尽快给我回电", kind=Kind.COMPLAINT), classifier)
    for found in (reported, read("我要投诉", classifier)):
        assert found.complaint_class is not ComplaintClass.NOT_COMPLAINT
        assert found.needs_confirmation


def test_trouble_going_on_with_a_call_for_haste_is_an_emergency(classifier: Classifier) -> None:
    assert read("漏水了，水淹到楼下了，赶紧派人", classifier).urgency is Urgency.EMERGENCY
    assert read("水龙头有点漏水，有空来看看", classifier).urgency is Urgency.GENERAL


def test_a_hazard_from_bad_installation_is_the_installers(classifier: Classifier) -> None:
    found = read("安装师傅乱接线，一通电就短路冒烟", classifier)
    assert (found.complaint_class, found.issue_type) == (ComplaintClass.NON_QUALITY, IssueType.INSTALLATION)
    assert IssueType.SAFETY in found.also


def test_refused_refund_is_quality_only_with_a_stated_defect(classifier: Classifier) -> None:
    assert read("申请退款，商家拒绝退款，一直不同意退货", classifier).complaint_class is ComplaintClass.NON_QUALITY
    defective = read("屏幕裂了，商家拒绝退款，一直不同意退货", classifier)
    assert defective.complaint_class is ComplaintClass.QUALITY


def test_the_goods_settle_what_a_word_means(classifier: Classifier) -> None:
    laptop = classify(ClassificationFacts("中毒了", product_category="笔记本电脑"), classifier)
    noodles = classify(ClassificationFacts("中毒了", product_category="方便面"), classifier)
    assert (laptop.severity is Severity.CRITICAL, noodles.severity is Severity.CRITICAL) == (False, True)


def test_an_internal_finding_counts_though_it_asks(classifier: Classifier) -> None:
    text = "是否有轻微色差？有没有色差？"
    outside, inside = (
        classify(ClassificationFacts(text, channel=channel), classifier) for channel in ("web", "internal")
    )
    assert outside.complaint_class is ComplaintClass.NOT_COMPLAINT
    assert inside.complaint_class is ComplaintClass.QUALITY


def test_secondary_issues_are_named(classifier: Classifier) -> None:
    found = read("冰箱不制冷，客服态度恶劣，发票也不给开", classifier)
    assert found.issue_type is IssueType.PRODUCT_QUALITY
    assert set(found.also) == {IssueType.SERVICE_ATTITUDE, IssueType.PRICE_BILLING}


@pytest.mark.parametrize("text", ["", " ", "。。。", "12345678", "\x00", "\ud800", "İ", "(", "😡", "\u202e退"])
def test_texts_that_say_little_are_read_without_an_error_and_asked_about(classifier: Classifier, text: str) -> None:
    assert read(text, classifier).needs_confirmation


def test_evidence_quotes_the_original(classifier: Classifier) -> None:
    text = "熱水器　漏電！！我要ＲＥＦＵＮＤ"
    found = read(text, classifier)
    assert "漏電" in {evidence.text for evidence in found.evidence}
    assert all(text[evidence.start : evidence.end] == evidence.text for evidence in found.evidence)


PIECES = "没有 漏电 的 质量 差 吗 退款 不 给 装 师傅 客服 快递 坏 了 ， 。 ? 怕 好 謝謝 Ａ not 😡"
WORDS = st.sampled_from([*PIECES.split(), " ", "\n"])


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=60).map("".join)))
def test_any_text_is_read_and_its_evidence_holds(classifier: Classifier, text: str) -> None:
    found = read(text, classifier)
    assert all(text[evidence.start : evidence.end] == evidence.text for evidence in found.evidence)
    assert (found.issue_type is IssueType.NONE) == (found.complaint_class is ComplaintClass.NOT_COMPLAINT)
    assert found.issue_type not in found.also
    assert all(0 <= value <= 1 for value in found.confidence.document().values())
    assert found == read(text, classifier)


@pytest.mark.parametrize(
    "piece", ["没有", "质量差", "怕漏电", "可以吗", "把墙", "漏电", "😡", "不要备注", " ", "很长的一段话，"]
)
@pytest.mark.timeout(20)  # a matcher that goes back and forth would take hours; the speed itself is the bench's matter
def test_the_longest_text_is_read_however_it_repeats_itself(classifier: Classifier, piece: str) -> None:
    text = (piece * 10_000)[:10_000]
    found = read(text, classifier)
    assert all(text[evidence.start : evidence.end] == evidence.text for evidence in found.evidence)


def test_an_answer_names_the_model_and_the_lexicon_it_rests_on(classifier: Classifier) -> None:
    found = read("漏水", classifier)
    assert (found.model, found.lexicon) == (str(classifier.model.version), classifier.lexicon.version)
