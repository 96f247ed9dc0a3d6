"""Addresses are written as each network wants them before they are hashed: by its own published examples."""

from facebook_business.adobjects.customaudience import CustomAudience
from hypothesis import given
from hypothesis import strategies as st

from adapters.ads.hashing import googles, sha256, trimmed

local = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789.+_-", min_size=1, max_size=20)
domain = st.sampled_from(
    ["gmail.com", "GMAIL.com", "googlemail.com", "example.com", "Mail.Example.org", "gmail.com.example"]
)
blanks = st.text(" \t\n", max_size=3)
addresses = st.builds("{}{}@{}{}".format, blanks, local, domain, blanks)


def test_googles_published_examples():
    """developers.google.com/data-manager/api/devguides/concepts/formatting, ``email_address``."""
    assert googles("cloudy.sanfrancisco+shopping@gmail.com") == "cloudysanfrancisco@gmail.com"
    assert googles("user.name+NYC@Example.com") == "user.name+nyc@example.com"


def test_metas_published_examples():
    """developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters, ``em``;
    the same rule as that of custom audiences.
    """
    wanted = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert sha256(trimmed("John_Smith@gmail.com")) == wanted


@given(addresses)
def test_meta_gets_what_its_own_library_would_send(address: str):
    payload = CustomAudience.format_params(CustomAudience.Schema.email_hash, [address.strip(" \t\n.")])["payload"]
    assert sha256(trimmed(address.strip(" \t\n."))) == payload["data"][0]


@given(addresses)
def test_what_is_written_as_a_network_wants_it_stays_as_it_is(address: str):
    for rule in (googles, trimmed):
        once = rule(address)
        assert rule(once) == once
        assert once == once.lower() == once.strip()


@given(addresses, st.sampled_from(["gmail.com", "googlemail.com"]))
def test_at_gmail_neither_dots_nor_what_follows_a_plus_tell_people_apart(address: str, provider: str):
    mailbox = address.strip().partition("@")[0]
    plain = mailbox.partition("+")[0].replace(".", "").lower()
    assert googles(f"{mailbox}@{provider}") == f"{plain}@{provider}"


@given(local)
def test_at_any_other_domain_they_do(mailbox: str):
    assert googles(f"{mailbox}@gmail.example.com") == f"{mailbox}@gmail.example.com".lower()


@given(addresses)
def test_a_hash_is_64_hex_digits(address: str):
    assert len(sha256(googles(address))) == 64
    assert set(sha256(trimmed(address))) <= set("0123456789abcdef")
