"""What the codec routes need of the process: the cipher, who may read its answers, and how much one key may ask."""

from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.rates import KeyRates
from runtime.encryption import Encryption, payload_keys
from runtime.settings import Settings

_BELOW = "/codec/"
_HOUR = 3600
#: This machine's names, and how they stand in an address.
HERE = {"127.0.0.1": "127.0.0.1", "localhost": "localhost", "::1": "[::1]"}


class CodecServer:
    """``origins`` are those of Temporal's UI: pages of no other may read what is decoded. Raises ``Refused``."""

    def __init__(self, settings: Settings) -> None:
        self.codec = Encryption(payload_keys(settings))
        self.origins = origins(settings)
        self.rates = KeyRates(settings.decode_rate, 1, what="payloads", setting="TENDRIL_DECODE_RATE")


def origins(settings: Settings) -> list[str]:
    """Where Temporal's UI is opened, as browsers name it: where that is this machine, by each of its names."""
    parts = urlsplit(settings.temporal_ui_url)
    if parts.hostname not in HERE:
        return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme}://{name}{port}" for name in HERE.values()]


def ui_beside(settings: Settings, hostname: str | None) -> str:
    """Temporal's UI, for who called this machine by ``hostname``.

    `localhost` and `127.0.0.1` are two sites to a browser: a cookie of the one is not sent from pages of the other.
    """
    of_that_name = [origin for origin in origins(settings) if urlsplit(origin).hostname == hostname]
    return next(iter(of_that_name), settings.temporal_ui_url)


class FromTemporalUi:
    """ASGI middleware: pages of the UI's origin may call the codec routes, with the browser's cookie."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._with_origins = CORSMiddleware(
            app,
            allow_origins=origins(settings),
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type", "X-Namespace"],
            allow_credentials=True,
            max_age=_HOUR,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope.get("path", "").startswith(_BELOW)
        await (self._with_origins if ours else self._app)(scope, receive, send)
