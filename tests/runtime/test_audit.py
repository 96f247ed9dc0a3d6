"""``make check`` audits the pinned dependencies: findings fail it, and an audit that could not be made says so."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LOCK = f"example-package==1.0.0 --hash=sha256:{'0' * 64}\n"
_FINDING = {
    "id": "PYSEC-0000-0",
    "modified": "2026-01-01T00:00:00Z",
    "summary": "made up for this test",
    "affected": [],
}


def audit(lock: Path, url: str) -> tuple[int, str]:
    lock.write_text(_LOCK)
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock), "--osv-url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@contextmanager
def database(*found: object) -> Iterator[str]:
    """A stand-in for OSV that finds this in every package; its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": list(found)} if found else {}).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_known_vulnerability_fails_the_check_and_is_named(tmp_path: Path):
    with database(_FINDING) as url:
        code, said = audit(tmp_path / "lock", url)
    assert (code, "example-package 1.0.0: PYSEC-0000-0" in said) == (1, True), said


def test_nothing_known_is_said_with_how_much_was_asked(tmp_path: Path):
    with database() as url:
        assert audit(tmp_path / "lock", url) == (0, "1 pinned dependencies audited, 0 known vulnerabilities\n")


def test_a_database_that_cannot_be_reached_is_said_and_fails_nothing(tmp_path: Path):
    code, said = audit(tmp_path / "lock", "http://127.0.0.1:9")
    assert (code, said.startswith("NOT AUDITED")) == (0, True), said
