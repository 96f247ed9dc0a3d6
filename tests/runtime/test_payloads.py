"""What crosses to Temporal is what the SDK's own converter for pydantic would have sent; only its parts are shared."""

from datetime import UTC, datetime

import pytest
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import WorkflowSerializationContext

from domain.decision import Priority, SendTouch
from domain.words import Channel
from runtime.payloads import Payloads
from workflows.messages import Rounds

VALUES = [
    SendTouch(key="l1/1/0/t0", channel=Channel.EMAIL, step="t0", priority=Priority.SALES),
    Rounds(rounds=3, seconds=1.5),
    datetime(2026, 11, 22, tzinfo=UTC),
    ["a", None, 1.5],
    None,
    b"bytes",
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_crosses_as_the_sdk_would_have_sent_it_and_comes_back(value: object) -> None:
    payload = Payloads().to_payload(value)

    assert payload == PydanticPayloadConverter().to_payload(value)
    assert Payloads().from_payload(payload, type(value)) == value


def test_converters_are_made_once_however_often_the_sdk_asks_for_one() -> None:
    context = WorkflowSerializationContext(namespace="default", workflow_id="lead-1")

    assert Payloads().converters is Payloads().with_context(context).converters
