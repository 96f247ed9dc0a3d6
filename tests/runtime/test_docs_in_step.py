"""The reference pages say what the code says."""

import pytest

from cli import reference
from runtime.settings import Settings


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("settings.md", reference.settings_page),
        ("cli.md", reference.cli_page),
        ("operations.md", reference.operations_page),
    ],
)
def test_a_reference_page_is_what_the_code_says(name: str, page):
    assert (reference.DOCS / name).read_text(encoding="utf-8") == page(), f"docs/{name} is out of date: run make docs"


def test_every_setting_is_on_the_page_and_explained():
    page = reference.settings_page()
    missing = [name for name in Settings.model_fields if f"| `TENDRIL_{name.upper()}` |" not in page]
    unexplained = [name for name, field in Settings.model_fields.items() if not field.description]
    assert (missing, unexplained) == ([], [])


def test_every_command_and_option_is_explained():
    found = dict(reference.commands())
    silent = [path for path, command in found.items() if not command.help]
    silent += [
        f"{path} {one.name}"
        for path, command in found.items()
        for one in command.params
        if not getattr(one, "help", None)
    ]
    assert silent == []
