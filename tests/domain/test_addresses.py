"""Addresses are compared in one spelling, and only a provider's own rule makes two of them one mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import PROVIDERS, domain_of, mailbox, normalised

_LOCAL = st.text(st.characters(exclude_characters="@", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1)
_LABEL = st.text("abcdefghijklmnopqrstuvwxyzäöüßéñ0123456789", min_size=1, max_size=12)
_UNKNOWN = st.builds(lambda one, two: f"{one}.{two}.example", _LABEL, _LABEL)
_KNOWN = st.sampled_from(sorted(PROVIDERS))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ann@ACME.example ", "ann@acme.example"),
        ("ann+news@gmail.com", "ann+news@gmail.com"),
        ("Ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--BCHER-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@strasse.example", "ann@strasse.example"),
        ("jose\u0301@acme.example", "jos\u00e9@acme.example"),
        ("*@bücher.example", "*@xn--bcher-kva.example"),
        ("no address", "no address"),
    ],
)
def test_an_address_has_one_spelling(given: str, stored: str):
    assert normalised(given) == stored


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann.smith@gmail.com", "annsmith+news@googlemail.com"),
        ("ann+1@outlook.com", "ann+2@outlook.com"),
        ("ann+shop@fastmail.com", "ann@fastmail.com"),
        ("ann+x@icloud.com", "ann@icloud.com"),
    ],
)
def test_what_a_provider_leaves_out_does_not_make_another_mailbox(one: str, other: str):
    assert mailbox(one) == mailbox(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann.smith@outlook.com", "annsmith@outlook.com"),
        ("ann@icloud.com", "ann@me.com"),
        ("ann@hotmail.com", "ann@outlook.com"),
        ('"ann+1"@gmail.com', '"ann+2"@gmail.com'),
        ("+1@gmail.com", "+2@gmail.com"),
    ],
)
def test_what_no_provider_leaves_out_does(one: str, other: str):
    assert mailbox(one) is None or mailbox(one) != mailbox(other)


@given(local=_LOCAL, domain=_UNKNOWN | _KNOWN)
def test_doing_it_twice_is_doing_it_once(local: str, domain: str):
    stored = normalised(f"{local}@{domain}")
    assert normalised(stored) == stored
    key = mailbox(stored)
    assert key is None or mailbox(key) in {key, None}


@given(local=_LOCAL, domain=_UNKNOWN)
def test_of_an_unknown_provider_every_address_is_a_mailbox_of_its_own(local: str, domain: str):
    assert mailbox(normalised(f"{local}@{domain}")) is None


@given(one=_LOCAL, other=_LOCAL, here=_KNOWN, there=_KNOWN)
def test_mailboxes_of_two_providers_are_two(one: str, other: str, here: str, there: str):
    keys = {mailbox(normalised(f"{local}@{domain}")) for local, domain in ((one, here), (other, there))}
    homes = {PROVIDERS[domain].domain or domain for domain in (here, there)}
    assert None in keys or {domain_of(key or "") for key in keys} == homes
