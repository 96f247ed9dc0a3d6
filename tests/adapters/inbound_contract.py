"""The contract of ``Inbound`` for mail: what every vendor's webhook of delivery events must do. One subclass a vendor.

A subclass makes the vendor's own events and signs them as the vendor does; the contract forges, repeats, tampers and
maims them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from adapters.inbound import Delivery, Forged, Inbound, InboundRequest, Told, Unreadable
from domain.words import DeliveryKind
from tests.adapters.mails import KEY
from tests.adapters.touches import PERSONAL

#: When the vendor calls, and when what it tells of happened.
NOW = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)
HAPPENED = datetime(2026, 11, 22, 9, 0, 5, tzinfo=UTC)
ADDRESS = "ada.sample@example.com"
Event = Mapping[str, Any]

_GARBAGE = (
    b"",
    b" ",
    b"null",
    b"7",
    b'"text"',
    b"{}",
    b"[]",
    b"[1]",
    b"[[]]",
    b"[null]",
    b'{"event": {"a": []}}',
    b'{"type": 5, "event": 5, "RecordType": 5, "eventType": 5, "Type": 5}',
    b'[{"event": ["bounce"], "timestamp": {}}]',
    b'{"type": "email.bounced", "data": 7}',
    b'{"RecordType": "Bounce", "Type": {}}',
    b'{"a": ',
    b"\xff\xfe\x00",
    b"%PDF-1.7",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"timestamp": 1e400}',
    b'[{"event": "delivered", "timestamp": 1e400, "sg_event_id": "x"}]',
)


class InboundContract(ABC):
    #: Kinds that this vendor never tells, each with the reason why. All others must be mapped.
    never: ClassVar[Mapping[DeliveryKind, str]]
    #: The headers that hold the signature.
    signature_headers: tuple[str, ...] = ()
    #: Whether several events may come in one request.
    batches: bool = False
    #: Whether the signature covers the body, and the time.
    signs_body: bool = True
    signs_time: bool = True

    @abstractmethod
    def inbound(self) -> Inbound: ...

    @abstractmethod
    def event(self, kind: DeliveryKind, *, number: int = 1, at: datetime = HAPPENED, key: str = KEY) -> Event:
        """The vendor's own event of that kind about that touch and ``ADDRESS``; another ``number`` is another event."""

    @abstractmethod
    def unknown(self) -> Event:
        """An event of a type that nobody knows."""

    @abstractmethod
    def body(self, *events: Event) -> bytes:
        """A request's body; several events only where the vendor sends several in one."""

    @abstractmethod
    def signed(self, body: bytes, at: datetime = NOW, *, forged: bool = False) -> InboundRequest:
        """The body as the vendor would send it at that time; ``forged``: signed by somebody else."""

    def stripped(self, request: InboundRequest) -> Iterable[InboundRequest]:
        """The request with one part of its signature missing, each in turn."""
        for name in self.signature_headers:
            yield replace(request, headers={key: value for key, value in request.headers.items() if key != name})

    def damaged(self, request: InboundRequest) -> Iterable[InboundRequest]:
        """The request with one part of its signature replaced by something that is none, each in turn."""
        for name in self.signature_headers:
            for nonsense in ("", "nonsense", "=", "MEUCIQ==", "v1,", "ä", "9" * 400, request.headers[name] + "A"):
                yield replace(request, headers={**request.headers, name: nonsense})

    def told(self, *events: Event) -> list[Told]:
        """What the events tell, verified and read, in one request or several as the vendor sends them."""
        bodies = [self.body(*events)] if self.batches else [self.body(event) for event in events]
        inbound, told = self.inbound(), []
        for request in map(self.signed, bodies):
            inbound.verify(request)
            told += inbound.read(request)
        return told

    def one(self, *events: Event) -> Delivery:
        [delivery] = self.told(*events)
        assert isinstance(delivery, Delivery)
        return delivery

    @property
    def kinds(self) -> list[DeliveryKind]:
        return [kind for kind in DeliveryKind if kind not in self.never]

    # Whose it is.

    def test_what_the_vendor_signed_is_taken(self):
        self.inbound().verify(self.signed(self.body(self.event(self.kinds[0]))))

    def test_what_somebody_else_signed_is_forged(self):
        with pytest.raises(Forged):
            self.inbound().verify(self.signed(self.body(self.event(self.kinds[0])), forged=True))

    def test_a_changed_body_is_forged(self):
        if not self.signs_body:
            pytest.skip("this vendor's signature does not cover the body")
        request = self.signed(self.body(self.event(self.kinds[0])))
        for body in (request.body + b" ", request.body.replace(b"a", b"b", 1), b"", request.body[:-1]):
            with pytest.raises(Forged):
                self.inbound().verify(replace(request, body=body))

    def test_a_signature_that_is_missing_in_part_is_forged(self):
        requests = list(self.stripped(self.signed(self.body(self.event(self.kinds[0])))))
        assert requests
        for request in requests:
            with pytest.raises(Forged):
                self.inbound().verify(request)

    def test_a_signature_that_is_none_is_forged_and_nothing_worse(self):
        for request in self.damaged(self.signed(self.body(self.event(self.kinds[0])))):
            with pytest.raises(Forged):
                self.inbound().verify(request)

    @pytest.mark.parametrize("hours", [-24, 24], ids=["yesterday", "tomorrow"])
    def test_a_request_of_another_day_is_forged(self, hours):
        if not self.signs_time:
            pytest.skip("this vendor does not sign the time: what it tells twice has the same id")
        request = self.signed(self.body(self.event(self.kinds[0])), NOW + timedelta(hours=hours))
        with pytest.raises(Forged):
            self.inbound().verify(replace(request, at=NOW))

    def test_why_it_is_forged_says_no_secret_and_nobodys_name(self):
        request = self.signed(self.body(self.event(self.kinds[0])), forged=True)
        with pytest.raises(Forged) as caught:
            self.inbound().verify(request)
        assert str(caught.value)
        values = [value for value in request.headers.values() if len(value) > 5]
        assert not [word for word in (*PERSONAL, *values) if word in str(caught.value)]

    # What it tells.

    def test_every_kind_that_there_is_is_told_or_said_never_to_be(self):
        read = {kind: self.one(self.event(kind)).kind for kind in self.kinds}
        assert read == {kind: kind for kind in self.kinds}
        assert all(self.never.values())

    def test_it_tells_which_touch_and_when(self):
        for kind in self.kinds:
            delivery = self.one(self.event(kind))
            assert (delivery.about.touch, delivery.at) == (KEY, HAPPENED)
            assert delivery.id

    def test_mail_of_somebody_else_is_not_taken_for_ours(self):
        """The vendor's account may send other mail too, with references of its own in the same place."""
        for told in self.told(self.event(self.kinds[0], key="")):
            assert not (isinstance(told, Delivery) and told.about.touch)

    def test_that_somebody_elses_mail_was_opened_says_nothing_of_the_address(self):
        """Only what is so of the address itself is told by it, such as that nobody has it."""
        by_address = set()
        for kind in self.kinds:
            told = self.told(self.event(kind, key=""))
            by_address |= {one.kind for one in told if isinstance(one, Delivery) and one.about.email}
        assert by_address <= {DeliveryKind.BOUNCED_HARD, DeliveryKind.COMPLAINED, DeliveryKind.UNSUBSCRIBED}

    def test_the_same_thing_told_twice_has_the_same_id(self):
        for kind in self.kinds:
            assert self.one(self.event(kind)).id == self.one(self.event(kind)).id

    def test_different_things_have_different_ids(self):
        events = [self.event(kind, number=number) for number, kind in enumerate((*self.kinds, self.kinds[0]))]
        assert len({told.id for told in self.told(*events) if isinstance(told, Delivery)}) == len(events)

    def test_out_of_order_each_keeps_its_own_time_and_id(self):
        first = self.event(self.kinds[0], number=1)
        second = self.event(self.kinds[1], number=2, at=HAPPENED + timedelta(seconds=9))
        in_order, out_of_order = self.told(first, second), self.told(second, first)
        assert in_order == out_of_order[::-1]
        assert [told.at for told in in_order if isinstance(told, Delivery)] == [
            HAPPENED,
            HAPPENED + timedelta(seconds=9),
        ]

    def test_a_detail_is_a_code_and_nobodys_name(self):
        for kind in self.kinds:
            detail = self.one(self.event(kind)).detail
            assert not [word for word in PERSONAL if word in detail]
            assert len(detail) <= 60

    def test_an_event_that_nobody_knows_is_left_out_or_put_aside(self):
        assert all(isinstance(told, Unreadable) for told in self.told(self.unknown()))

    def test_an_unknown_event_does_not_take_others_with_it(self):
        if not self.batches:
            pytest.skip("one event a request")
        told = self.told(self.event(self.kinds[0]), self.unknown(), self.event(self.kinds[1], number=2))
        assert [one.kind for one in told if isinstance(one, Delivery)] == self.kinds[:2]

    def test_an_event_that_lacks_something_is_read_put_aside_or_refused_whole(self):
        for kind in self.kinds:
            for maimed in _maimed(self.event(kind)):
                told = self._read(self.body(maimed))
                assert not [word for one in told if isinstance(one, Unreadable) for word in PERSONAL if word in one.why]

    @pytest.mark.parametrize("body", _GARBAGE, ids=range(len(_GARBAGE)))
    def test_garbage_is_refused_as_a_value_and_never_otherwise(self, body):
        assert not [told for told in self._read(body) if isinstance(told, Delivery)]

    def _read(self, body: bytes) -> list[Told]:
        """What a body tells, nothing when it is refused; any other error fails the test."""
        try:
            return self.inbound().read(InboundRequest(body=body, headers={}, at=NOW))
        except ValueError:
            return []

    # What it is answered.

    async def test_it_is_answered_that_all_is_well(self):
        request = self.signed(self.body(self.event(self.kinds[0])))
        assert (await self.inbound().reply(request, self.inbound().read(request))).status == 200


def _maimed(event: Any) -> Iterable[Any]:
    """The event with one field at a time missing, or of another type, at any depth."""
    if not isinstance(event, Mapping):
        return
    for name, value in event.items():
        rest = {key: kept for key, kept in event.items() if key != name}
        yield rest
        others: tuple[Any, ...] = (None, 7, "", "x", [], {}, [None])
        for other in others:
            yield rest | {name: other}
        for inner in _maimed(value):
            yield rest | {name: inner}
