"""What would break a client between two OpenAPI documents: what goes, asks for more, is no longer said.

Clients ignore fields and enum values they do not know, so that those may come. What they send must go on being taken,
and what they read must go on being there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Document = Mapping[str, Any]
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_UPPER: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_LOWER: Final = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")


def breaking(old: Document, new: Document) -> list[str]:
    """Return each change that breaks clients of `old`, named by operation and field; empty if none does."""
    comparison = _Comparison(old, new)
    found: list[str] = []
    for path, operations in old["paths"].items():
        for method in _METHODS:
            if method not in operations:
                continue
            name, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            found += [f"{name}: gone"] if now is None else comparison.operation(name, operations[method], now)
    return found


@dataclass
class _Comparison:
    old: Document
    new: Document
    seen: set[tuple[str, str, bool]] = field(default_factory=set)

    def operation(self, name: str, old: Document, new: Document) -> Iterator[str]:
        if _scopes(old) != _scopes(new):
            yield f"{name}: other scopes"
        yield from self._parameters(name, old, new)
        taken, takes = _json_of(old.get("requestBody")), _json_of(new.get("requestBody"))
        if taken is not None:
            yield from [f"{name}: takes no body"] if takes is None else self.sent(f"{name} body", taken, takes)
        if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get("required"):
            yield f"{name}: needs a body"
        for status, said in old["responses"].items():
            if not status.startswith("2"):
                continue  # problems all have one form, and their codes are listed in words
            if status not in new["responses"]:
                yield f"{name}: {status} gone"
                continue
            before, after = _json_of(said), _json_of(new["responses"][status])
            if before is not None and after is not None:
                yield from self.read(f"{name} {status}", before, after)

    def _parameters(self, name: str, old: Document, new: Document) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", ())}
        after = {(one["in"], one["name"]): one for one in new.get("parameters", ())}
        for place, one in before.items():
            if place not in after:
                yield f"{name}: {place[0]} {place[1]} gone"
            else:
                yield from self.sent(f"{name} {place[1]}", one["schema"], after[place]["schema"])
        for place, one in after.items():
            if one.get("required") and not before.get(place, {}).get("required"):
                yield f"{name}: {place[0]} {place[1]} needed"

    def sent(self, at: str, old: Document, new: Document) -> Iterator[str]:
        """What clients send: the new must take all that the old took."""
        if self._met(old, new, sent=True):
            return
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        taking = _alternatives(self.new, new)
        for one in _alternatives(self.old, old):
            tried = [list(self._taken(at, one, other)) for other in taking if _same_type(one, other)]
            if not tried:
                yield f"{at}: {_type(one)} no longer taken"
            else:
                yield from min(tried, key=len)

    def _taken(self, at: str, old: Document, new: Document) -> Iterator[str]:
        yield from (f"{at}: {what}" for what in _narrower(old, new))
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, one in before.items():
            if name in after:
                yield from self.sent(f"{at}.{name}", one, after[name])
            elif new.get("additionalProperties", True) is False:
                yield f"{at}.{name}: no longer taken"
        yield from (f"{at}.{name}: needed" for name in new.get("required", ()) if name not in old.get("required", ()))
        if "items" in old and "items" in new:
            yield from self.sent(f"{at}[]", old["items"], new["items"])
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            yield from self.sent(f"{at}.*", old["additionalProperties"], new["additionalProperties"])

    def read(self, at: str, old: Document, new: Document) -> Iterator[str]:
        """What clients read: all that the old said must still be there, of the same type, as surely as before."""
        if self._met(old, new, sent=False):
            return
        old, new = _resolved(self.old, old), _resolved(self.new, new)
        known = _alternatives(self.old, old)
        for one in _alternatives(self.new, new):
            tried = [list(self._there(at, other, one)) for other in known if _same_type(one, other)]
            if not tried:
                yield f"{at}: may be {_type(one)} now"
            else:
                yield from min(tried, key=len)

    def _there(self, at: str, old: Document, new: Document) -> Iterator[str]:
        after = new.get("properties", {})
        for name, one in old.get("properties", {}).items():
            if name not in after:
                yield f"{at}.{name}: gone"
                continue
            if name in old.get("required", ()) and name not in new.get("required", ()):
                yield f"{at}.{name}: not always there now"
            yield from self.read(f"{at}.{name}", one, after[name])
        if "items" in old and "items" in new:
            yield from self.read(f"{at}[]", old["items"], new["items"])
        if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
            yield from self.read(f"{at}.*", old["additionalProperties"], new["additionalProperties"])

    def _met(self, old: Document, new: Document, *, sent: bool) -> bool:
        """Tell whether two named schemas were compared before: they may hold each other."""
        if "$ref" not in old or "$ref" not in new:
            return False
        pair = (old["$ref"], new["$ref"], sent)
        met = pair in self.seen
        self.seen.add(pair)
        return met


def _scopes(operation: Document) -> list[Any]:
    return sorted(scope for way in operation.get("security", ()) for scopes in way.values() for scope in scopes)


def _json_of(part: Document | None) -> Document | None:
    schema: Document | None = ((part or {}).get("content", {}).get("application/json") or {}).get("schema")
    return schema


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _alternatives(document: Document, schema: Document) -> list[Document]:
    if "anyOf" not in schema:
        return [schema]
    return [one for part in schema["anyOf"] for one in _alternatives(document, _resolved(document, part))]


def _type(schema: Document) -> str:
    return str(schema.get("type", "anything"))


def _same_type(one: Document, other: Document) -> bool:
    return "type" not in other or _type(one) == _type(other) or (_type(one), _type(other)) == ("integer", "number")


def _narrower(old: Document, new: Document) -> Iterator[str]:
    if _values(new) and (gone := _values(old) - _values(new) or ({"others"} if not _values(old) else set())):
        yield f"{', '.join(sorted(map(str, gone)))} no longer taken"
    for bounds, sign in ((_UPPER, 1), (_LOWER, -1)):
        for bound in bounds:
            if bound in new and (bound not in old or sign * new[bound] < sign * old[bound]):
                yield f"narrower {bound}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield "other pattern"


def _values(schema: Document) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", ()))
