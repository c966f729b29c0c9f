"""The fixed texts of the letter that explains why a matter is not ours."""

from typing import Final

from app.core.language import Text

TITLE: Final = Text("关于您所反映问题的说明", "Our findings on what you reported")
REFERENCE: Final = Text("工单编号", "Reference")
DAY: Final = Text("{on.year}年{on.month}月{on.day}日", "{on:%d %B %Y}")
PRODUCT: Final = Text("产品", "Product")
DEAR: Final = Text("尊敬的{name}：", "Dear {name},")
DEAR_CUSTOMER: Final = Text("尊敬的客户：", "Dear customer,")
OPENING: Final = Text(
    "您于{day}反映的问题我们已经查验。现将查验情况、判定结果和依据说明如下。",
    "We have looked into what you reported on {day}. This letter tells you what was inspected, what we found, and on "
    "what our finding rests.",
)
REPORTED: Final = Text("您反映的问题", "What you reported")
INSPECTED: Final = Text("查验情况", "What was inspected")
SAMPLE: Final = Text("样品", "Sample")
METHOD: Final = Text("方法", "Method")
FINDING: Final = Text("发现", "Finding")
CONCLUSION: Final = Text("结论", "Conclusion")
INSPECTED_ON: Final = Text("日期与部门", "Date and department")
RESULT: Final = Text("判定结果", "Our finding")
NOT_OURS: Final = Text(
    "经判定，所反映的问题并非由我方产品或服务造成。", "What you reported was not caused by our product or our service."
)
CAUSE: Final = Text("可能的原因：{cause}", "Likely cause: {cause}")
EVIDENCE: Final = Text("依据", "Evidence")
NEXT: Final = Text("下一步", "How we can go on")
TOGETHER: Final = Text(
    "我们愿与您一起分析原因，并商定后续的解决办法。",
    "We would like to go through the causes with you and agree on what to do next.",
)
OBJECTION: Final = Text(
    "如您对以上结论有不同意见，请告知我们并注明工单编号；您也可以委托有资质的检验机构检验，或依法通过消费者协会、"
    "市场监督管理部门等途径解决。",
    "If you see it differently, please tell us, quoting the reference. You may also have the goods tested by an "
    "accredited laboratory, or turn to the consumers' association or the market regulator, as the law provides.",
)
SIGNED: Final = Text("（盖章）", "(stamp)")
