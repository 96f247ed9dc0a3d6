"""``python -m sandbox``: the stand-in vendors and the local inbox, on one HTTP port and one SMTP port."""

import argparse
import asyncio
import sys
from pathlib import Path

from sandbox.inbox import serve


def main() -> int:
    """Run until stopped. 1 when a port is taken or the data directory can't be used, with one line that says so."""
    arguments = _arguments().parse_args()
    try:
        asyncio.run(
            serve(
                arguments.smtp_port, arguments.port, arguments.data, host=arguments.host, imap_port=arguments.imap_port
            )
        )
    except OSError as error:
        print(f"The sandbox can't start: {error}. Choose other ports or another --data.", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8025, help="HTTP: pages, vendors' APIs, the inbox's API")
    parser.add_argument("--smtp-port", type=int, default=1025, help="SMTP")
    parser.add_argument(
        "--imap-port", type=int, default=0, help="IMAP to the inbox, with any user and sandbox as password"
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="directory that keeps everything; nothing is kept without"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
