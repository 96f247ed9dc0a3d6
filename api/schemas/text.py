"""What may be stored as text or JSON: everything Unicode has, but NUL and lone surrogates, which PostgreSQL refuses."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints


def storable(value: Any) -> Any:
    """The value unchanged. Raises ``ValueError`` when PostgreSQL could not store it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not text") from None
    if "\x00" in text or (not isinstance(value, str) and "\\u0000" in text):
        raise ValueError("contains the character U+0000, which can't be stored")
    return value


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(storable)]
JsonObject = Annotated[dict[str, Any], AfterValidator(storable)]
