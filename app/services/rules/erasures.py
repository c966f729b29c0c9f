"""个人信息删除: on which grounds a person's data are erased, by when, and what the law has kept a while longer.

The grounds are those of PIPL art. 47. What has to be kept by law is stored and not used otherwise until its time is
over (art. 47 para. 2): the records of a transaction are kept for three years from its completion (E-Commerce Law 31).
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.services.rules.clause import Wording

ANSWER: Final = timedelta(days=15)  # this project's own term; GB/T 35273 8.7 allows 30 days
_KEPT_YEARS: Final = 3


class ErasureGround(StrEnum):
    """Why a person's data are erased (PIPL 47)."""

    PURPOSE_FULFILLED = "purpose_fulfilled"  # 第一项: 处理目的已实现、无法实现或不再必要
    RETENTION_EXPIRED = "retention_expired"  # 第二项: 停止提供产品或者服务，或者保存期限已届满
    CONSENT_WITHDRAWN = "consent_withdrawn"  # 第三项: 个人撤回同意
    UNLAWFUL_PROCESSING = "unlawful_processing"  # 第四项: 违反法律、行政法规或者违反约定
    REQUESTED = "requested"  # 第五项 and 第四十四条: the person asks, and nothing bars it


class ErasureState(StrEnum):
    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"


OPEN_MATTERS: Final = Wording(
    "个人信息保护法第四十七条第一款第一项：事项尚未办结，处理目的尚未实现",
    "PIPL art. 47 para. 1 no. 1: while a matter is open, the purpose of the data is not fulfilled",
)
TRANSACTION_RECORDS: Final = Wording(
    "电子商务法第三十一条（针对平台经营者，本服务一律照此）：交易信息自交易完成之日起保存不少于三年；个人信息保护法第四十七条第二款：保存期内仅存储",
    "E-Commerce Law art. 31 (of platforms; here for all): records of a transaction are kept for three years from its "
    "completion; "
    "PIPL art. 47 para. 2: until then they are stored and nothing else",
)


def due_by(received_at: datetime) -> datetime:
    """Return until when a request for erasure is to be carried out."""
    return received_at + ANSWER


def kept_until(completed_on: date) -> date:
    """Return the day from which the record of a transaction may be erased."""
    year = completed_on.year + _KEPT_YEARS
    try:
        return completed_on.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)
