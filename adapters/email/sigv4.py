"""Requests to Amazon signed with Signature Version 4: botocore signs, httpx sends."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from domain.errors import OurFault, TransientFault


class SigV4(httpx.Auth):
    """Signs for ``service`` (its signing name) in ``region``.

    Without ``credentials`` they are found as Amazon's own tools find them: environment (``AWS_ACCESS_KEY_ID`` …),
    shared files, the role of the container or machine. Those of a role run out and are fetched anew.
    """

    def __init__(self, service: str, region: str, credentials: ReadOnlyCredentials | None = None) -> None:
        self._service, self._region = service, region
        self._given = credentials
        self._found: Credentials | None = None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        # Looking for credentials reads files, and asks over the network for those of a role.
        credentials = self._given or await asyncio.to_thread(self._find)
        body = await request.aread()
        headers = {"host": request.url.netloc.decode(), "content-type": request.headers.get("content-type", "")}
        signed = AWSRequest(
            request.method, str(request.url), headers={k: v for k, v in headers.items() if v}, data=body
        )
        SigV4Auth(credentials, self._service, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request

    def _find(self) -> ReadOnlyCredentials:
        try:
            self._found = self._found or Session().get_credentials()
            if self._found is not None:
                return self._found.get_frozen_credentials()
        except BotoCoreError as problem:
            message = f"the credentials for Amazon could not be fetched ({type(problem).__name__})"
            raise TransientFault(message, vendor=self._service, code="credentials") from None
        message = "there are no credentials for Amazon: set a key, or run with a role"
        raise OurFault(message, vendor=self._service, code="credentials")
