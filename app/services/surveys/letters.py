"""What a customer gets by email: an invitation or a reminder, in Chinese and in English, with a way to stop them."""

from typing import Final
from zoneinfo import ZoneInfo

from app.core.language import Text
from app.models.surveys import Survey
from app.services.notices.letters import Letter
from app.services.policy_pages.rendering import TEMPLATES
from app.services.rules.surveys import LetterPurpose, SurveyKind

_SUBJECTS: Final = {
    LetterPurpose.INVITATION: Text("请您评价我们的服务", "How did we do?"),
    LetterPurpose.REMINDER: Text("还差您的评价", "We would still like to hear from you"),
}
_ABOUT_A_MATTER: Final = Text(
    "您的服务单 {number} 已办结。您满意吗？只需十秒，每一项都可以跳过。",
    "Your service ticket {number} is done. Are you satisfied? It takes ten seconds, and you may skip anything.",
)
_ABOUT_US: Final = Text(
    "您对我们的产品和服务满意吗？只需十秒，每一项都可以跳过。",
    "Are you satisfied with our products and service? It takes ten seconds, and you may skip anything.",
)
_ANSWER: Final = Text("现在评价", "Answer now")
_UNTIL: Final = Text("链接在 {until} 前有效。", "The link works until {until}.")
_STOP: Final = Text("不想再收到此类邮件", "No more mails like this")


def word_letter(
    purpose: LetterPurpose, survey: Survey, *, number: str | None, timezone: str, link: str, stop_link: str
) -> Letter:
    """Return the letter of a survey that was invited. Mail programs stop it by one click, too (RFC 8058)."""
    assert survey.expires_at is not None  # noqa: S101 — it is set with the invitation
    until = survey.expires_at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")
    subject, about = _SUBJECTS[purpose], _ABOUT_A_MATTER if survey.kind is SurveyKind.SERVICE else _ABOUT_US
    said = [
        {"about": about.zh.format(number=number), "answer": _ANSWER.zh, "until": _UNTIL.zh.format(until=until)},
        {"about": about.en.format(number=number), "answer": _ANSWER.en, "until": _UNTIL.en.format(until=until)},
    ]
    plain = [f"{part['about']}\n{part['answer']}: {link}\n{part['until']}\n" for part in said]
    text = "\n".join([*plain, f"{_STOP.zh} / {_STOP.en}: {stop_link}\n"])
    html = TEMPLATES.get_template("survey_letter.html").render(
        subject=subject, said=said, stop=_STOP, link=link, stop_link=stop_link
    )  # fmt: skip
    headers = {"List-Unsubscribe": f"<{stop_link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Letter(f"{subject.zh} / {subject.en}", text, html, headers)
