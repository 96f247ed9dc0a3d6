"""Requests as they leave, for tests that hold them to what the vendor published."""

import httpx


def plain() -> httpx.AsyncHTTPTransport:
    """For the sandbox, which has no certificate: reading those of the world takes longer than most tests."""
    return httpx.AsyncHTTPTransport(verify=False)


class Recording(httpx.AsyncHTTPTransport):
    """Keeps every request and its answer's body."""

    def __init__(self) -> None:
        super().__init__(verify=False)
        self.seen: list[tuple[httpx.Request, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        await response.aread()
        self.seen.append((request, response.content))
        return response

    def of(self, method: str, path: str) -> list[tuple[httpx.Request, bytes]]:
        return [(one, answer) for one, answer in self.seen if one.method == method and path in one.url.path]
