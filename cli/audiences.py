"""``tendril audiences``: what each ads network holds of each audience."""

from typing import Any

from typer import Typer

from cli.output import Json, listing
from cli.session import run, session
from storage import audience_views
from storage.audience_views import AudienceAtNetwork

app = Typer(no_args_is_help=True, help="Ads audiences: who belongs in them, and what each network holds.")
_COLUMNS = {
    "audience": "Audience",
    "network": "Network",
    "wanted": "Wanted",
    "held": "Held",
    "waiting": "Waiting",
    "refused": "Refused",
    "shown_size": "Matched",
    "shown_usable": "Ads",
    "problem": "It says",
    "shown_read": "Read back",
}


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every audience at every network: who should be there, who is, and what the network says of it.

    Wanted, held, waiting and refused are our leads; matched is the network's own count of the people it found.
    """

    async def read() -> list[AudienceAtNetwork]:
        async with session() as here:
            return await audience_views.at_networks(here.database)

    found = run(read())
    items = [one.model_dump() if as_json else _shown(one) for one in found]
    listing(items, len(items), _COLUMNS, as_json=as_json, empty="No ads network was told of anybody yet.")


def _shown(one: AudienceAtNetwork) -> dict[str, Any]:
    ads = "yes" if one.usable else f"from {one.least}" if one.least else ""
    return one.model_dump() | {
        "problem": one.problem or one.status,
        "shown_size": "" if one.size is None else one.size,
        "shown_usable": ads,
        "shown_read": f"{one.read_real_at:%Y-%m-%d %H:%M}" if one.read_real_at else "never",
    }
