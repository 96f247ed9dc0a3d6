"""Temporal's payloads as its UI and CLI send them: protobuf's JSON, in which bytes are base64."""

from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic import BaseModel, ConfigDict, Field
from temporalio.api.common.v1 import Payload, Payloads

_PLAIN: dict[str, Any] = {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "InNtYiI="}


class PayloadBody(BaseModel):
    metadata: dict[str, str] = Field(default_factory=dict, description="Values in base64.")
    data: str = Field("", description="In base64.")


class PayloadsBody(BaseModel):
    """``temporal.api.common.v1.Payloads``; what else its senders know is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"payloads": [_PLAIN]}]})

    payloads: list[PayloadBody] = Field(default_factory=list)

    def messages(self) -> list[Payload]:
        """Raises ``ValueError`` for what is not base64."""
        try:
            return list(ParseDict(self.model_dump(), Payloads()).payloads)
        except ParseError as error:
            raise ValueError(str(error)) from None

    @classmethod
    def of(cls, payloads: list[Payload]) -> "PayloadsBody":
        return cls.model_validate(MessageToDict(Payloads(payloads=payloads)))
