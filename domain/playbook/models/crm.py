"""What the CRM is told, and under which names."""

from typing import Annotated, Literal

from pydantic import Field

from domain.playbook.models.basics import Identifier, Part

#: A property's own name in a CRM: HubSpot's internal names, Salesforce's API names, Pipedrive's keys.
PropertyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")]
Names = dict[Identifier, PropertyName | Literal[False]]


class Opportunity(Part):
    """An opportunity (some say: deal) that is made with each handoff. It counts as opened once sales moves it on."""

    title: str = Field("Handed over by nurturing", min_length=1, max_length=200, description="What sales reads.")
    pipeline: dict[Identifier, str] = Field({}, description="By CRM: the pipeline's id; its first one when absent.")
    stage: dict[Identifier, str] = Field({}, description="By CRM: the stage's id; the first of the pipeline's.")


class CrmMapping(Part):
    """Where what we tell goes in the CRM. Without it every field has a place of its own, named after it."""

    fields: dict[Identifier, Literal[False] | Names] = Field(
        {}, description="Field → CRM → the property's name there, or `false` to leave it out; `false` alone: in any."
    )
    corrections: dict[Identifier, Names] = Field(
        {},
        description="Lead field → CRM → the property from which it is read back when sales changes it there. First "
        "name, last name, phone, company and job title are, without being named, where `lead_fields` has them.",
    )
    opportunity: Opportunity | None = Field(None, description="An opportunity made with each handoff.")

    def names(self, vendor: str) -> dict[str, str]:
        """Our field → the property's name in this CRM, where the playbook says."""
        said = {**self.fields, **self.corrections}
        found = {field: names.get(vendor) for field, names in said.items() if names}
        return {field: name for field, name in found.items() if name}

    def left_out(self, vendor: str) -> frozenset[str]:
        """Our fields that this CRM is not told."""
        said = {**self.fields, **self.corrections}
        return frozenset(field for field, names in said.items() if names is False or names.get(vendor) is False)
