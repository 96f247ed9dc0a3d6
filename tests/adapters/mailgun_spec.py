"""Mailgun's published OpenAPI document, where it lies beside the checkout: what we send, what our stand-in answers."""

from functools import cache
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator

from tests.adapters.hubspot_spec import SPECS

_DOCUMENT = SPECS / "mailgun.yaml"


def available() -> bool:
    return _DOCUMENT.exists()


def check_request(method: str, path: str, body: Any) -> None:
    """Raises jsonschema's ``ValidationError`` when the document does not have it so."""
    [content] = _operation(method, path)["requestBody"]["content"].values()
    _validator(content["schema"]).validate(body)


def check_answer(method: str, path: str, answer: httpx.Response) -> None:
    told = _operation(method, path)["responses"][str(answer.status_code)]
    _validator(told["content"]["application/json"]["schema"]).validate(answer.json())


def _operation(method: str, path: str) -> dict[str, Any]:
    return dict(_document()["paths"][path][method.lower()])


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": _document()["components"]})


@cache
def _document() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    mended: dict[str, Any] = _mended(yaml.load(_DOCUMENT.read_bytes(), loader))  # noqa: S506 - a safe loader, the quicker one where there is
    return mended


def _mended(part: Any) -> Any:
    """The document calls times of lists objects, and shows them as the texts that they are."""
    if isinstance(part, list):
        return [_mended(one) for one in part]
    if not isinstance(part, dict):
        return part
    if any("RFC822Time" in str(one) for one in part.get("allOf", [])):
        return {"type": "string"}
    return {name: _mended(one) for name, one in part.items()}
