"""What the codec routes need of the process: the cipher, who may read its answers, and how much one key may ask."""

from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.rates import KeyRates
from runtime.encryption import Encryption, payload_keys
from runtime.settings import Settings

_BELOW = "/codec/"
_HOUR = 3600


class CodecServer:
    """``origins`` are those of Temporal's UI: pages of no other may read what is decoded. Raises ``Refused``."""

    def __init__(self, settings: Settings) -> None:
        self.codec = Encryption(payload_keys(settings))
        self.origins = origins(settings)
        self.rates = KeyRates(settings.decode_rate, 1, what="payloads", setting="TENDRIL_DECODE_RATE")


def origins(settings: Settings) -> list[str]:
    """Where Temporal's UI is opened, as browsers name it."""
    parts = urlsplit(settings.temporal_ui_url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


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
