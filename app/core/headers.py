"""The headers of a request as they stand in its scope."""

from starlette.types import Scope


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a header, named in small letters; None if it was not sent.

    Starlette's mapping takes several times as long for each question, and a request is asked ten.
    """
    for key, value in scope["headers"]:
        if key == name:
            decoded: str = value.decode("latin-1")
            return decoded
    return None
