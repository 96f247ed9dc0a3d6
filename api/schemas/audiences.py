"""Ads audiences as the API shows them."""

from pydantic import BaseModel

from storage.audience_views import AudienceAtNetwork


class AudienceList(BaseModel):
    """By audience, then network."""

    total: int
    items: list[AudienceAtNetwork]
