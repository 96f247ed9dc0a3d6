"""The worker process: ``python worker.py``, configured by ``TENDRIL_*`` (docs/settings.md)."""

import logging
import os
import sys

import asyncpg
import uvloop
from pydantic import ValidationError

from domain.errors import Refused
from runtime.settings import Settings
from runtime.worker import run_worker


def main() -> int:
    try:
        settings = Settings()
        if not settings.database_url:
            sys.stderr.write("worker: TENDRIL_DATABASE_URL is not set; `tendril up` runs everything on this machine\n")
            return 2
        uvloop.run(run_worker(settings))
    except Refused as refusal:
        sys.stderr.write(f"worker: {refusal} {refusal.remedy}\n")
        return 1
    except (asyncpg.PostgresError, OSError, ValidationError) as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    # The SDK's own threads can crash the interpreter while it winds down (temporalio/sdk-python#300).
    os._exit(code)
