"""Between Starlette and the use cases: strict routes, problems on the wire, and who may call what."""

import re
from collections.abc import Callable, Coroutine, Iterator
from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, SecurityScopes
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from app.core.answers import PROBLEM_JSON, Answer
from app.core.call import Call, Caller
from app.core.errors import (
    BodyTooLarge,
    DatabaseUnavailable,
    ExpiredApiKey,
    FieldError,
    HeadersTooLarge,
    InsufficientScope,
    InternalError,
    InvalidApiKey,
    InvalidIdempotencyKey,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    RequestTimeout,
    ServerBusy,
    ServiceError,
    UnknownParameter,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.core.headers import header_of
from app.core.idempotency import read_key
from app.core.language import DEFAULT_LANGUAGE, Text
from app.core.metrics import PROBLEMS
from app.core.personal import mask_text
from app.core.strict_json import parse_json
from app.core.validation import validation_problem

bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="`as_sk_…`")


def response_of(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))


def problem_response(problem: ServiceError, scope: Scope) -> Response:
    PROBLEMS.labels(problem.code).inc()
    state = scope.get("state", {})
    language = state.get("language", DEFAULT_LANGUAGE)
    body = problem.rendered(language, instance=path_of(scope), request_id=state.get("request_id", ""))
    return Response(body, problem.status, {**problem.headers, "content-language": language}, PROBLEM_JSON)


_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.-]*", re.ASCII)


def path_of(scope: Scope) -> str:
    """Return the path as it stands in a URI: what was sent with `%00` or a line end shows it escaped."""
    if _PLAIN_PATH.fullmatch(scope["path"]):
        return str(scope["path"])
    return quote(scope["path"], safe="/:@!$&'()*+,;=~")


_WITH_BODY = ("POST", "PUT", "PATCH")
_PLAIN_JSON = "application/json"


class StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that refuses unknown or repeated query parameters and anything but strict JSON in UTF-8."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = self.answering()
        known = frozenset(_query_parameters(self.dependant))

        async def strict(plain: Request) -> Response:
            request = StrictRequest(plain.scope, plain.receive)
            if request.scope["query_string"]:
                _check_query(request, known)
            await self.read_body(request)
            return await handle(request)

        return strict

    async def read_body(self, request: StrictRequest) -> None:
        """Read the body here, since FastAPI would put texts of its own in place of ours. Raises: ServiceError."""
        if request.method in _WITH_BODY and await request.body():
            _check_media_type(request)
            await request.json()

    def answering(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request whose form is right."""
        return super().get_route_handler()


class StreamedRoute(StrictRoute):
    """A strict route whose endpoint reads the body itself, part by part, as bytes."""

    async def read_body(self, request: StrictRequest) -> None:
        """Leave the body alone. Raises: UnsupportedMediaType if it is compressed on its way."""
        if _is_encoded(request):
            raise UnsupportedMediaType(Text("请直接发送文件，不要压缩传输", "Send the file as it is, not compressed"))


class DirectRoute(StrictRoute):
    """A strict route for what has to cost next to nothing: its endpoint is called without FastAPI's solver.

    The endpoint takes one dependency with scopes, parts of its path as text, a model of its query, and a body if it
    must have one; it returns a response. It is documented like any other.
    """

    def answering(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        (needed,) = self.dependant.dependencies
        scopes, depend, name = SecurityScopes(needed.own_oauth_scopes), needed.call, needed.name
        assert depend is not None  # noqa: S101 — FastAPI makes no dependency without one, nor without a name
        assert name is not None  # noqa: S101
        queries = [(part.name, _checked(part.field_info.annotation, "query")) for part in self.dependant.query_params]
        bodies = [(part.name, _checked(part.field_info.annotation, "body")) for part in self.dependant.body_params]

        async def answer(request: Request) -> Response:
            given = {name: await depend(request, scopes, None), **request.path_params}
            for query, check in queries:
                given[query] = check(dict(request.query_params))
            for body, check in bodies:
                given[body] = check(await _body(request))
            response: Response = await self.endpoint(**given)
            return response

        return answer


def lists_of(router: APIRouter) -> Iterator[tuple[str, str]]:
    """Name the lists and searches over everything a caller may see, by method and path."""
    for route in router.routes:
        if not isinstance(route, APIRoute) or "{" in route.path:
            continue
        methods = route.methods or set()
        if "GET" in methods and "cursor" in _query_parameters(route.dependant):
            yield "GET", route.path
        elif "POST" in methods and route.path.endswith("/search"):
            yield "POST", route.path


async def _body(request: Request) -> Any:
    if not await request.body():
        raise validation_problem([{"type": "missing", "loc": ("body",)}])
    return await request.json()


def _checked(annotation: Any, place: str) -> Callable[[Any], Any]:
    """Return what makes a value of a type out of a part of the request, with the problems of any other route."""
    validate = TypeAdapter[Any](annotation).validate_python

    def check(value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            raise validation_problem([{**error, "loc": (place, *error["loc"])} for error in errors]) from None

    return check


def _query_parameters(dependant: Dependant) -> Iterator[str]:
    """Name the query parameters of a route and of what it depends on, those of a parameter model one by one."""
    for parameter in dependant.query_params:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (part.alias or name for name, part in kind.model_fields.items())
        else:
            yield parameter.alias
    for needed in dependant.dependencies:
        yield from _query_parameters(needed)


def _check_query(request: Request, known: frozenset[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    errors = [
        FieldError(
            ("parameter", mask_text(name[:40])), "unknown_parameter",
            Text(f"可用的参数：{'、'.join(sorted(known)) or '无'}", f"Known are: {', '.join(sorted(known)) or 'none'}"),
        )
        for name in dict.fromkeys(names)
        if name not in known
    ]  # fmt: skip
    errors += [
        FieldError(
            ("parameter", name), "repeated_parameter",
            Text("参数重复，多个值请用逗号分隔", "Given twice: separate values by commas"),
        )
        for name in known
        if names.count(name) > 1
    ]  # fmt: skip
    errors += [
        FieldError(("parameter", name), "nul", Text("查询参数中不允许 NUL 字符", "A parameter may not hold NUL"))
        for name, value in request.query_params.items()
        if name in known and "\x00" in value
    ]
    if errors:
        raise UnknownParameter(errors=errors[:20])


def _check_media_type(request: Request) -> None:
    """Raises: UnsupportedMediaType, with the media type to send."""
    sent = header_of(request.scope, b"content-type")
    if sent == _PLAIN_JSON and not _is_encoded(request):
        return  # as nearly everybody writes it: to parse a header costs as much as to parse a small body
    announced = Message()
    announced["content-type"] = sent or "none"
    kind, charset = announced.get_content_type(), announced.get_content_charset("utf-8")
    taken = {"application/json"} | ({"application/merge-patch+json"} if request.method == "PATCH" else set())
    if kind not in taken or charset not in ("utf-8", "utf8") or _is_encoded(request):
        raise UnsupportedMediaType(headers={"accept": ", ".join(sorted(taken))})


def _is_encoded(request: Request) -> bool:
    return (header_of(request.scope, b"content-encoding") or "identity").lower() != "identity"


def authorised(request: Request, needed: SecurityScopes) -> Caller:
    """Return the caller, who has every scope the route asks for.

    Raises: InsufficientScope naming the scope.
    """
    caller: Caller = request.scope["state"]["caller"]
    for scope in needed.scopes:
        if not caller.may(scope):
            raise InsufficientScope(members={"required_scope": scope})
    return caller


def call_of(request: Request) -> Call:
    """Describe a request. Raises: InvalidIdempotencyKey."""
    scope = request.scope
    return Call(
        request_id=scope["state"]["request_id"],
        language=scope["state"]["language"],
        method=scope["method"],
        path=path_of(scope),
        route=scope["route"].path,
        idempotency_key=read_key(header_of(scope, b"idempotency-key")) if scope["method"] in _WITH_BODY else None,
        if_match=header_of(scope, b"if-match"),
        if_none_match=header_of(scope, b"if-none-match"),
        query=scope["query_string"].decode("latin-1"),
    )


_ANYWHERE: tuple[type[ServiceError], ...] = (
    UnknownParameter,
    MalformedJson,
    InvalidIdempotencyKey,
    InvalidApiKey,
    ExpiredApiKey,
    InsufficientScope,
    RequestTimeout,
    BodyTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    HeadersTooLarge,
    InternalError,
    ServerBusy,
    DatabaseUnavailable,
)


def problems(*kinds: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """Document for OpenAPI the problems of a route, and those that any route may answer, grouped by status."""
    documented: dict[int | str, dict[str, Any]] = {}
    for kind in dict.fromkeys((*kinds, *_ANYWHERE)):
        entry = documented.setdefault(kind.status, {"description": "", "content": {"application/problem+json": {}}})
        entry["description"] = f"{entry['description']} `{kind.code}`: {kind.title.en}.".strip()
    return documented


_BY_STATUS: dict[int, type[ServiceError]] = {404: NotFound, 405: MethodNotAllowed, 415: UnsupportedMediaType}


def _allowed(request: Request) -> list[str]:
    """Return every method of a path; the framework names those of the first route only."""
    routes = request.app.router.routes
    return [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def install_handlers(app: FastAPI) -> None:
    """Answer every error of the framework as a problem."""

    async def service_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)  # noqa: S101 — registered for it alone
        return problem_response(error, request.scope)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return problem_response(validation_problem(error.errors()), request.scope)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        kind = _BY_STATUS.get(error.status_code)
        if kind is None:
            kind = MalformedJson if error.status_code == HTTPStatus.BAD_REQUEST else InternalError
        headers = {"allow": ", ".join(_allowed(request))} if kind is MethodNotAllowed else error.headers
        return problem_response(kind(headers=headers), request.scope)

    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, framework)
