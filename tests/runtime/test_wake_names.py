"""Names of behaviour lose what could be personal before Temporal sees them."""

import pytest

from runtime.wake_names import told


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("/pricing", "/pricing"),
        ("/pricing?email=ada@acme.example", "/pricing"),
        ("/pricing#ada", "/pricing"),
        ("/", "/"),
        ("/blog/one", "/blog/…"),
        ("/invite/ada@acme.example", "/invite/…"),
        ("/ada@acme.example", "(page)"),
        ("/ada%40acme.example/welcome", "(page)"),
        ("/reset/0b1d9a5e-12b0-4d3e-9a55-0d1c0a4b7e2f", "/reset/…"),
        ("/0b1d9a5e-12b0-4d3e-9a55-0d1c0a4b7e2f", "(page)"),
        ("/00491701234567", "(page)"),
        ("/eyJhbGciOiJIUzI1NiJ9.payload", "(page)"),
        ("/compare-crm-tools-2026", "/compare-crm-tools-2026"),
        ("https://www.acme.example/demo/ada", "/demo/…"),
        ("https://[broken", "(page)"),
        ("Signed Up", "Signed Up"),
        ("Which C# guide? Read", "Which C# guide? Read"),
        ("mail to ada@acme.example", "(event)"),
        ("a" * 100, "a" * 60),
    ],
)
def test_what_could_be_personal_is_not_told(name: str, is_told: str):
    assert told([name]) == [is_told]


def test_names_that_look_alike_are_told_once():
    assert told(["/blog/one", "Signed Up", "/blog/two"]) == ["/blog/…", "Signed Up"]
