"""What HubSpot refuses: unknown properties, invalid addresses and options, values that must be unique."""

import re
from typing import Any

from sandbox.answers import VendorError
from sandbox.state import CrmRecord, State

CONTACT_PROPERTIES = frozenset(
    [
        "email",
        "firstname",
        "lastname",
        "company",
        "jobtitle",
        "phone",
        "website",
        "country",
        "hubspot_owner_id",
        "hs_lead_status",
    ]
)
TASK_PROPERTIES = frozenset(
    [
        "hs_timestamp",
        "hs_task_body",
        "hs_task_subject",
        "hs_task_status",
        "hs_task_priority",
        "hs_task_type",
        "hubspot_owner_id",
    ]
)
DEAL_PROPERTIES = frozenset(["dealname", "pipeline", "dealstage", "amount", "closedate", "hubspot_owner_id"])
COMPANY_PROPERTIES = frozenset(["name", "domain", "hubspot_owner_id"])
BUILT_IN = {
    "contacts": CONTACT_PROPERTIES,
    "tasks": TASK_PROPERTIES,
    "deals": DEAL_PROPERTIES,
    "companies": COMPANY_PROPERTIES,
}
#: The stages of the one pipeline, in order: id → whether a deal in it is closed, and won.
STAGES = {
    "appointmentscheduled": (False, False),
    "qualifiedtobuy": (False, False),
    "closedwon": (True, True),
    "closedlost": (True, False),
}
PIPELINE = "default"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_OPTIONS = {
    "hs_task_status": {"NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"},
    "hs_task_priority": {"NONE", "LOW", "MEDIUM", "HIGH"},
    "hs_task_type": {"TODO", "CALL", "EMAIL", "LINKED_IN", "LINKED_IN_CONNECT", "LINKED_IN_MESSAGE"},
    "dealstage": set(STAGES),
    "pipeline": {PIPELINE},
}
_REQUIRED = {"tasks": ("hs_timestamp",), "deals": ("dealname", "dealstage")}


def unique_names(kind: str, state: State) -> frozenset[str]:
    """Properties that address a record."""
    custom = {name for name, definition in state.properties[kind].items() if definition.get("hasUniqueValue")}
    return frozenset(custom | ({"email"} if kind == "contacts" else set()))


def find(state: State, kind: str, name: str, value: str) -> CrmRecord | None:
    """The record with this id, or with this value of a unique property."""
    return state.records[kind].get(value) if name == "hs_object_id" else state.find(kind, name, value)


def checked(state: State, kind: str, values: dict[str, Any], own: CrmRecord | None) -> dict[str, str]:
    """The values, when HubSpot would take them for this record (None: a new one). Raises ``VendorError``."""
    definitions = state.properties[kind]
    problems = [problem for name, value in values.items() if (problem := _problem(kind, definitions, name, value))]
    if own is None:
        lacking = [name for name in _REQUIRED.get(kind, ()) if not values.get(name)]
        problems += [_detail("REQUIRED_FIELD", name, f"{name} is required") for name in lacking]
    for name in unique_names(kind, state) & values.keys():
        other = find(state, kind, name, values[name]) if values[name] else None
        if other is not None and other is not own:
            problems.append(_detail("DUPLICATE_VALUE", name, f"{other.id} already has that value."))
    if problems:
        raise VendorError(400, "Property values were not valid", details=problems)
    return dict(values)


def _problem(kind: str, definitions: dict[str, dict[str, Any]], name: str, value: Any) -> dict[str, Any] | None:
    if name not in BUILT_IN[kind] and name not in definitions:
        return _detail("PROPERTY_DOESNT_EXIST", name, f'Property "{name}" does not exist')
    if not isinstance(value, str):
        return _detail("INVALID_TYPE", name, f"{name} must be a string")
    if kind == "contacts" and name == "email" and value and not _ADDRESS.fullmatch(value):
        return _detail("INVALID_EMAIL", name, f"Email address {value} is invalid")
    options = _OPTIONS.get(name) or {option["value"] for option in definitions.get(name, {}).get("options", [])}
    if value and options and value not in options:
        return _detail("INVALID_OPTION", name, f"{value} was not one of the allowed options")
    return None


def _detail(code: str, name: str, message: str) -> dict[str, Any]:
    return {"message": message, "code": code, "in": name}
