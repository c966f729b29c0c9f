"""The kind of ticket proposed for a text. Every text here is this project's own."""

from app.services.policy_book import PolicyBook
from app.services.rules.classification import ClassificationFacts, Kind, classify

MISREAD = 0.25  # the most that a trained model may get wrong
TEXTS = {
    Kind.CONSULTATION: """
        请问维修网点在哪|你们几点下班|要一份出厂检验报告和合格证|我预约的师傅明天几点来|买十台有没有优惠
        发票丢了影响退货吗|拆封了还能七天无理由吗|不合适能退吗，运费谁出|怎么开增值税专用发票""",
    Kind.INSTALLATION: """
        浴霸到货了，约个时间装|新房交付，预约净水机安装|跑步机到了，找个师傅上门组装|什么时候能来装""",
    Kind.REPAIR: """
        冰箱不制冷了，麻烦安排师傅|油烟机吸力小了，约个维修|水龙头滴水，来个人看看|换气扇有声没风，预约上门维修
        电钻按下去不转，想寄回去修|热水器打不着火，什么时候能来修|马桶坐圈松了，能不能来拧一下""",
    Kind.MAINTENANCE: """
        净水机该换滤芯了，约个师傅|烟机半年没洗了，约深度清洗|仪器到期，请安排校准|地板打蜡保养怎么预约""",
    Kind.RETURN_EXCHANGE: """
        多买了一个，没拆，退一个|颜色拍错了，没拆，换灰色|料号买错，原包装，申请退货|裤子有点大，能换小一码吗
        来料引脚氧化，整盘申请退货|收到杯子有裂纹，换一个""",
    Kind.COMPLAINT: """
        鞋底开胶，柜台说是我走路不对，我要退货|电饭煲修了又坏，我要换新的|手机反复重启，刷了机还这样，我要退
        拆开是密度板，这是欺骗，要退货|报修一周排不上人，都说再等等|凭什么不给修""",
    Kind.TECHNICAL_SUPPORT: """
        驱动装上了还显示脱机，怎么弄|净水机换完滤芯怎么复位|胶多久表干，能不能加热|稀释剂该加多少，按什么比例
        清漆和底漆配套起皱，请工程师给个方案|起振慢，请应用工程师协助核对负载电容|浴霸遥控怎么对频
        封口机换了新膜封不牢，温度该调多少|遥控器换了电池没反应，要重新对码吗""",
    Kind.TRAINING: """
        申请给新来的操作工做一次培训|请安排老师给班组长讲一次施工要点|经销商要求做安装和常见问题培训""",
    Kind.SUGGESTION: """
        建议包装上加个开封口|能不能出个小瓶装的，一个人用不完|说明书字号要是大一点就好了|最好出一个视频教程
        希望公众号能查安装进度|商场应该多放几把休息椅""",
    Kind.PRAISE: """
        要夸一夸你们的安装师傅，活干得漂亮|致谢：贵司工程师两天内帮我们恢复了产线|给送货的小伙子点赞
        客服讲得明白，一点不嫌我烦，表扬一下|送锦旗一面，感谢李工冒雨抢修""",
}


def test_most_texts_are_registered_as_a_hotline_would(book: PolicyBook) -> None:
    texts = [
        (text.strip(), kind) for kind in TEXTS for text in TEXTS[kind].replace("\n", "|").split("|") if text.strip()
    ]
    misread = [text for text, kind in texts if classify(ClassificationFacts(text), book.classifier).kind is not kind]
    assert len(misread) <= MISREAD * len(texts), misread


def test_every_kind_is_proposed_for_some_text() -> None:
    assert set(TEXTS) == set(Kind)
