"""A receiver of webhooks for a test: keeps the raw bodies that a stand-in sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from tests.adapters.running import serving


@asynccontextmanager
async def hearing(told: list[bytes]) -> AsyncIterator[str]:
    """The receiver's address, until the block ends; what it hears is added to ``told``."""
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> None:
        told.append(await request.body())

    async with serving(app) as url:
        yield url
