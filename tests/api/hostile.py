"""What nobody in their right mind sends, as hypothesis strategies: JSON and times, texts and bytes."""

import json
from typing import Any

from hypothesis import strategies as st

#: JSON that Python's own writer would not write, by the text that stands for it.
RAW = {
    "«endless»": "1e999",
    "«long»": "1" * 4000,
    "«longer»": "-" + "9" * 5000,
    "«none»": "NaN",
    "«deep»": "[" * 700 + "]" * 700,
    "«deeper»": "[" * 920 + "]" * 920,
    "«deepest»": '{"a":' * 5000 + "1" + "}" * 5000,
    "«torn»": r'"\ud800"',
    "«nul»": r'"a\u0000b"',
}
TIMES = [
    "2026-03-02T10:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "1e9",
    "now",
    9e15,
]
odd_text = st.one_of(
    st.sampled_from(["", " ", "\x00", "\ud800", "ld_", "a" * 300, "\u202e", "../..", "' or 1=1 --", *RAW]),
    st.text(max_size=20),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), odd_text, st.sampled_from(TIMES))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text, inner, max_size=3), max_leaves=6
)


def mapping(**members: "st.SearchStrategy[Any]") -> "st.SearchStrategy[dict[str, Any]]":
    """Some of these members, each as it should be or not."""
    return st.fixed_dictionaries({}, optional={name: member | values for name, member in members.items()})


traits = mapping(email=st.sampled_from(["ann@acme.example", "ANN@Acme.Example", "ann@xn--.example", "@", "ann"]))
ids = st.sampled_from(["ann", "bob", "ld_nobody", 7])
events = mapping(
    type=st.sampled_from(["track", "page", "screen", "identify", "group", "alias", "delivery"]),
    messageId=st.sampled_from(["m-1", "m-2"]),
    userId=ids,
    anonymousId=ids,
    previousId=ids,
    groupId=ids,
    event=st.just("Demo Seen"),
    name=st.just("Pricing"),
    timestamp=st.sampled_from(TIMES),
    sentAt=st.sampled_from(TIMES),
    properties=mapping(
        path=st.just("/pricing"),
        value=st.sampled_from(sorted(RAW)),
        url=st.sampled_from(["https://[", "//", "https://acme.example/a"]),
    ),
    traits=traits,
    context=mapping(traits=traits),
)
#: Such as fit more often than not: who did what.
likely = st.builds(lambda event: {"type": "track", "event": "Demo Seen", "userId": "ann"} | event, events)


def as_json(value: Any) -> bytes:
    """The value as JSON, with ``RAW`` in the places of its names."""
    text = json.dumps(value)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(name), raw)
    return text.encode()
