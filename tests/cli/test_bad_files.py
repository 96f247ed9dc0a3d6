"""A file that can't be trusted is refused with its row and a remedy, before anything is written."""

import asyncio
import codecs
import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cli.importing.files import LONGEST_ROW, CsvFile
from domain.errors import Refused
from storage.database import Database
from tests.cli.csv_files import MAP, person, read, write
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.usefixtures("playbook")


async def nobody(database: Database) -> bool:
    return not await database.pool.fetchval("select exists (select from lead)")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
async def test_unicode_with_a_byte_order_mark_needs_no_option(tendril: Terminal, database: Database, encoding: str):
    file = write(tendril.directory / "leads.csv", [person(1, First_name="Søren Łukasz")], encoding=encoding)
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    file.write_bytes(mark + file.read_bytes())

    await tendril("leads", "import", file, *MAP)

    assert await database.pool.fetchval("select fields ->> 'first_name' from lead") == "Søren Łukasz"


async def test_a_wrong_encoding_names_row_and_byte_and_the_remedy(tendril: Terminal, database: Database):
    rows = [person(number) for number in range(1, 2000)] + [person(2000, First_name="Søren")]
    file = write(tendril.directory / "leads.csv", rows, encoding="cp1252")
    place = file.read_bytes().index("ø".encode("cp1252"))

    answer = await tendril("leads", "import", file, *MAP, code=1)

    assert f"leads.csv, row 2001, byte {place:,}: not UTF-8 (0xF8: invalid start byte)" in answer.err
    assert "--encoding cp1252" in answer.err
    assert answer.err.count("\n") == 1
    assert await nobody(database)


async def test_the_encoding_can_be_named(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1, First_name="Søren")], encoding="cp1252")

    await tendril("leads", "import", file, *MAP, "--encoding", "cp1252")

    assert await database.pool.fetchval("select fields ->> 'first_name' from lead") == "Søren"


async def test_utf_16_without_a_mark_is_recognised(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(1)], encoding="utf-16-le")

    answer = await tendril("leads", "import", file, *MAP, code=1)

    assert "--encoding utf-16-le" in answer.err


async def test_an_encoding_nobody_knows_is_refused(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(1)])

    answer = await tendril("leads", "import", file, *MAP, "--encoding", "klingon", code=1)

    assert "There is no text encoding 'klingon'." in answer.err


async def test_half_a_character_at_the_end_is_refused(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(1)])
    file.write_bytes(file.read_bytes() + "crm-2,ł".encode()[:-1])

    answer = await tendril("leads", "import", file, *MAP, code=1)

    assert "row 3" in answer.err
    assert "unexpected end of data" in answer.err


async def test_a_quote_that_never_closes_is_refused(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1), person(2)])
    file.write_text(file.read_text() + 'crm-3,"lead3@company3.example\ncrm-4,x\n')

    answer = await tendril("leads", "import", file, *MAP, code=1)

    assert "leads.csv, row 4 (line 4): a quote is opened and never closed." in answer.err
    assert await nobody(database)


async def test_a_quote_in_the_wrong_place_rejects_its_row_alone(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1), person(2)])
    lines = file.read_text().splitlines()
    lines.insert(2, 'crm-9,"lead9@company9.example"oops,,1,,,no')
    file.write_text("\n".join(lines))

    await tendril("leads", "import", file, *MAP)

    assert await database.pool.fetchval("select count(*) from lead") == 2
    (rejected,) = read(tendril.directory / "leads.rejected.csv")
    assert rejected["row"] == "3"
    assert "text follows a closing quote" in rejected["reason"]


def peak_memory(process: subprocess.Popen[str]) -> int:
    """Most bytes that the process held at once; 0 where the system doesn't say.

    Not what its parent is told at the end: that counts the parent's own memory, from before the program began.
    """
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        with suppress(OSError):
            found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
            peak = max(peak, int(found[1]) * 1024 if found else 0)
        time.sleep(0.02)
    return peak


async def test_a_row_of_a_gigabyte_is_refused_without_eating_memory(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1)])
    with file.open("ab") as out:
        os.truncate(out.fileno(), file.stat().st_size + (1 << 30))  # a sparse gigabyte of NUL, without a newline
        out.seek(0, os.SEEK_END)
        out.write(b"\n")
    process = tendril.start("leads", "import", file, *MAP)

    peak = await asyncio.to_thread(peak_memory, process)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 1
    assert f"row 3 (line 3): longer than {LONGEST_ROW:,} characters." in errors
    assert "Traceback" not in errors
    assert peak < 400 << 20, f"{peak >> 20} MB"
    assert await nobody(database)


def test_a_gigabyte_of_quoted_lines_is_one_row_and_refused(tmp_path: Path):
    file = tmp_path / "leads.csv"
    file.write_text('a,b\n1,"' + "line\n" * (LONGEST_ROW // 4))

    with pytest.raises(Refused, match=r"row 2 \(line 2\): longer than"):
        CsvFile(file).survey()


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), (",,\n1,2,3\n", "no column has a name"), ("Contact,Mail,Mail\n", "2 columns named 'Mail'")],
)
async def test_a_file_without_a_usable_header_is_refused(tendril: Terminal, content: str, message: str):
    file = tendril.directory / "leads.csv"
    file.write_text(content)

    answer = await tendril("leads", "import", file, "--map", "email=Mail", code=1)

    assert message in answer.err


async def test_other_delimiters_are_taken(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1)], delimiter=";")

    hint = await tendril("leads", "import", file, *MAP, code=1)
    await tendril("leads", "import", file, *MAP, "--delimiter", ";")

    assert "is --delimiter right?" in hint.err
    assert await database.pool.fetchval("select count(*) from lead") == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--map", "external_id=Contakt"), 1, "no column 'Contakt' (for external_id). Did you mean 'Contact'?"),
        (("--map", "emial=Mail"), 1, "Playbook minimal has no lead field 'emial'. Did you mean 'email'?"),
        (("--map", "country=Country"), 1, "nothing says who a row is about"),
        (("--map", "email"), 2, "'email' is not FIELD=COLUMN"),
        (("--map", "email=Mail", "--playbook", "minimall"), 1, "no playbook named 'minimall'. Did you mean 'minimal'?"),
        (("--map", "email=Mail", "--rate", "fast"), 2, "'fast' is not a rate"),
        (("--map", "email=Mail", "--synthesise-email", "not a domain"), 2, "is not a domain"),
        (("--map", "email=Mail", "--synthesise-email", "example.com"), 1, "no column is mapped to it"),
        (("--map-file", "missing.yaml"), 1, "There is no file missing.yaml."),
        (("--map", "email=Mail", "--delimiter", "||"), 2, "is not one character"),
    ],
)
async def test_a_mistake_on_the_command_line_is_named(
    tendril: Terminal, database: Database, words: tuple[str, ...], code: int, message: str
):
    file = write(tendril.directory / "leads.csv", [person(1)])

    answer = await tendril("leads", "import", file, *words, code=code)

    assert message in answer.said
    assert "Traceback" not in answer.err
    assert await nobody(database)


@pytest.mark.parametrize("content", ["- a\n- b\n", "email: [Mail]\n", "email: {\n"])
async def test_a_map_file_that_is_none_is_refused(tendril: Terminal, content: str):
    file = write(tendril.directory / "leads.csv", [person(1)])
    mapping = tendril.directory / "map.yaml"
    mapping.write_text(content)

    answer = await tendril("leads", "import", file, "--map-file", mapping, code=1)

    assert "map.yaml" in answer.err
    assert answer.err.count("\n") == 1


async def test_a_missing_file_and_a_directory_are_refused(tendril: Terminal):
    missing = await tendril("leads", "import", "nowhere.csv", *MAP, code=1)
    directory = await tendril("leads", "import", tendril.directory, *MAP, code=1)

    assert missing.err == "tendril: There is no file nowhere.csv. See that the path is right.\n"
    assert "is a directory" in directory.err
