"""Refusals the caller can act on, and their form on the wire: `application/problem+json` (RFC 9457).

`code` is API: fixed by hand, never derived from a class name. Titles and details are written in both languages and
chosen by `Accept-Language`. No problem ever repeats what the caller sent, shows SQL, a stack, or another line's id.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.core.language import Bilingual, Language, Text, in_language


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `where` is `("pointer", "#/customer/phone")`, or a parameter or header name."""

    where: tuple[str, str]
    code: str
    detail: Bilingual

    def document(self, language: Language) -> dict[str, str]:
        return {self.where[0]: self.where[1], "code": self.code, "detail": in_language(self.detail, language)}


class ServiceError(Exception):
    """A request that cannot be served as it stands. Subclasses fix `status`, `code` and `title`."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[Text]
    retryable: ClassVar[bool] = False
    # A refusal by a rule is kept under the caller's idempotency key; one about the form of the request is not.
    by_rule: ClassVar[bool] = False

    def __init__(
        self,
        detail: Bilingual | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        super().__init__(self.detail.en)

    def document(self, language: Language, *, instance: str, request_id: str) -> dict[str, object]:
        """Return the problem document (RFC 9457) in one language."""
        return {
            "type": f"/problems/{self.code}",
            "title": in_language(self.title, language),
            "status": self.status,
            "detail": in_language(self.detail, language),
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
            "errors": [error.document(language) for error in self.errors],
            "retryable": self.retryable,
            **self.members,
        }

    def rendered(self, language: Language, *, instance: str, request_id: str) -> bytes:
        """Return the problem document as it goes over the wire."""
        document = self.document(language, instance=instance[:200], request_id=request_id)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class MalformedJson(ServiceError):
    status, code = 400, "malformed_json"
    title = Text("请求体不是合法的 JSON", "The body is not valid JSON")


class UnknownParameter(ServiceError):
    status, code = 400, "unknown_parameter"
    title = Text("未知的查询参数", "Unknown query parameter")


class InvalidCursor(ServiceError):
    status, code = 400, "invalid_cursor"
    title = Text(
        "翻页游标无效或已过期，请从第一页重新查询", "The cursor is invalid or expired: start again from the first page"
    )


class CursorFilterMismatch(ServiceError):
    status, code = 400, "cursor_filter_mismatch"
    title = Text(
        "翻页游标与筛选条件不符，请保持与第一页相同的条件",
        "The cursor belongs to other filters: keep those of the first page",
    )


class InvalidIdempotencyKey(ServiceError):
    status, code = 400, "invalid_idempotency_key"
    title = Text(
        "Idempotency-Key 须为 8–255 个字符，限字母、数字及 _ - . :",
        "Idempotency-Key takes 8 to 255 characters of letters, digits and _ - . :",
    )


class InvalidApiKey(ServiceError):
    status, code = 401, "invalid_api_key"
    title = Text(
        "缺少有效的密钥，请发送 Authorization: Bearer as_sk_…",
        "A valid key is needed: send Authorization: Bearer as_sk_…",
    )


class ExpiredApiKey(ServiceError):
    status, code = 401, "expired_api_key"
    title = Text("密钥已过期或已撤销", "The key has expired or was revoked")


class InsufficientScope(ServiceError):
    status, code = 403, "insufficient_scope"
    title = Text("该密钥没有此操作的权限", "The key lacks the scope of this operation")


class OriginNotAllowed(ServiceError):
    status, code = 403, "origin_not_allowed"
    title = Text("该密钥不得用于此网页来源", "The key may not be used from this origin")


class AddressNotAllowed(ServiceError):
    status, code = 403, "address_not_allowed"
    title = Text(
        "该密钥不得从此网络地址使用，请联系管理员", "The key may not be used from this address: ask the administrator"
    )


class NotFound(ServiceError):
    """The thing does not exist, or belongs to a business line the caller does not see: the two look the same."""

    status, code = 404, "not_found"
    title = Text("未找到", "Not found")


class MethodNotAllowed(ServiceError):
    status, code = 405, "method_not_allowed"
    title = Text("该地址不支持此方法", "This address does not take this method")


class RequestTimeout(ServiceError):
    status, code, retryable = 408, "request_timeout", True
    title = Text("请求体未在限定时间内到达", "The body did not arrive in time")


class IdempotencyInProgress(ServiceError):
    status, code, retryable = 409, "idempotency_in_progress", True
    title = Text(
        "使用同一 Idempotency-Key 的请求仍在处理", "A request with the same Idempotency-Key is still being served"
    )


class VersionMismatch(ServiceError):
    status, code = 412, "version_mismatch"
    title = Text(
        "对象已被修改，请重新读取后再试",
        "The object has changed since it was read: read it again and repeat the change",
    )


class BodyTooLarge(ServiceError):
    status, code = 413, "body_too_large"
    title = Text("请求体超过 1 MiB", "The body exceeds 1 MiB")


class UnsupportedMediaType(ServiceError):
    status, code = 415, "unsupported_media_type"
    title = Text(
        "请以 UTF-8 编码发送 JSON，并注明 Content-Type: application/json（不压缩）",
        "Send JSON in UTF-8 with Content-Type: application/json, not compressed",
    )


class ValidationFailed(ServiceError):
    status, code = 422, "validation_failed"
    title = Text("请求内容有误，请见 errors", "The request is not right: see errors")


class TimezoneRequired(ValidationFailed):
    code = "timezone_required"
    title = Text(
        "时间须带时区，例如 2026-11-22T08:46:01+08:00", "A time needs an offset, as in 2026-11-22T08:46:01+08:00"
    )


class IdempotencyKeyReused(ServiceError):
    status, code = 422, "idempotency_key_reused"
    title = Text(
        "该 Idempotency-Key 已用于另一内容的请求，请换一个",
        "This Idempotency-Key was used for another body: take a new one",
    )


class IfMatchRequired(ServiceError):
    status, code = 428, "if_match_required"
    title = Text("请在 If-Match 中带上读取时的 ETag", "Send the ETag you read in If-Match")


class RateLimited(ServiceError):
    status, code, retryable = 429, "rate_limited", True
    title = Text("请求过于频繁，请稍后重试", "Too many requests: try again later")


class HeadersTooLarge(ServiceError):
    status, code = 431, "headers_too_large"
    title = Text("地址与请求头合计超过 16 KiB", "The address and headers exceed 16 KiB")


class InternalError(ServiceError):
    status, code, retryable = 500, "internal_error", True
    title = Text("服务内部错误，请凭 request_id 联系我们", "Something failed here: tell us the request_id")


class ServerBusy(ServiceError):
    status, code, retryable = 503, "server_busy", True
    title = Text("服务繁忙，请稍后重试", "The service is busy: try again shortly")


class IdentityProviderUnavailable(ServiceError):
    status, code, retryable = 503, "identity_provider_unavailable", True
    title = Text(
        "单点登录服务暂不可用，请稍后重试或改用密钥",
        "The identity provider does not answer: try again, or use a key",
    )


class DatabaseUnavailable(ServiceError):
    status, code, retryable = 503, "database_unavailable", True
    title = Text(
        "数据库暂不可用，请稍后重试；未确认的请求可放心重发",
        "The database is not available: try again; a repeat is safe",
    )
