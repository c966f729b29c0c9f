"""Refusals of the attachment use cases."""

from app.core.errors import NotFound, ServiceError
from app.core.language import Text
from app.core.media.faults import Fault
from app.services.rules.attachments import MOST_PER_TICKET, ScanState


class AttachmentNotFound(NotFound):
    """No such attachment of this ticket, or it was removed."""

    title = Text("未找到该附件，或已删除", "No such attachment, or it was removed")


class FileTooLarge(ServiceError):
    status, code = 413, "file_too_large"
    title = Text("文件超过 10 MB", "The file exceeds 10 MB")


class UnsupportedFile(ServiceError):
    """Neither the name alone nor the content alone makes a file one we take."""

    status, code = 415, "unsupported_file"
    title = Text(
        "仅接受 jpg、png、webp、pdf、mp4、m4a、mp3、wav、amr 文件，且内容须与扩展名一致",
        "Files taken are jpg, png, webp, pdf, mp4, m4a, mp3, wav and amr, and the content must be what the name says",
    )


_FAULTS = {
    Fault.EMPTY: Text("文件为空", "The file is empty"),
    Fault.BROKEN: Text("文件不完整或已损坏", "The file is cut off or damaged"),
    Fault.TOO_MANY_PIXELS: Text("图片超过 5000 万像素", "The image has more than 50 million pixels"),
    Fault.ANIMATED: Text("不接受动画图片", "Animations are not taken"),
    Fault.HIDDEN_CONTENT: Text("文件中夹带其他内容", "The file holds something else beside what it is"),
}


class UnusableFile(ServiceError):
    status, code = 422, "unusable_file"
    title = Text("文件无法接受", "The file cannot be taken")

    def __init__(self, fault: Fault) -> None:
        super().__init__(_FAULTS[fault], members={"fault": fault})


class TooManyAttachments(ServiceError):
    status, code, by_rule = 409, "too_many_attachments", True
    title = Text(
        f"每张工单至多 {MOST_PER_TICKET} 个附件，请先删除不需要的",
        f"A ticket holds {MOST_PER_TICKET} attachments at most: remove one first",
    )


class AttachmentNotScanned(ServiceError):
    """The scanner has not said yet that the file is clean."""

    status, code, retryable = 409, "attachment_not_scanned", True
    title = Text("附件尚未完成病毒扫描，请稍后再试", "The attachment is still to be scanned: try again shortly")

    def __init__(self, scan: ScanState) -> None:
        super().__init__(headers={"Retry-After": "5"}, members={"scan": scan})


class ContentNotShown(ServiceError):
    """A file cannot be masked, so only a key that sees personal data in full may have it."""

    status, code = 403, "insufficient_tier"
    title = Text(
        "附件内容无法脱敏，仅权限等级为 sensitive 的密钥可以下载",
        "A file cannot be masked: only a key of the tier `sensitive` may download it",
    )
