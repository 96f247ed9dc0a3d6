"""The minimal playbook with every part of the language that can be shown: pool, waits, questions, experiments, …"""

from functools import cache
from typing import Any

from domain.playbook.models import Playbook
from tests.fixtures.playbooks import minimal_playbook

_MORE: dict[str, Any] = {
    "patterns": {
        "serious": {"all": ["pricing_visit", "case_study"], "within": "7d", "label": "looked at prices and proof"},
        "thrice": {"any": ["click", "pricing_visit"], "times": 3, "groups": 2, "within": "30d", "label": "came often"},
        "order": {"sequence": ["click", "pricing_visit"], "within": "2d", "label": "clicked and looked"},
    },
    "lengths": [
        {"id": "small", "when": "lead.employees < 50", "preset": "smb"},
        {"id": "others", "label": "All others", "factor": 1.5},
    ],
    "situations": [{"id": "approval", "label": "Needs approval", "when": 'lead.role == "analyst"', "advice": "Help."}],
    "profile": {
        "questions": [
            {
                "field": "employees",
                "ask": "How many are you?",
                "options": [{"label": "Few", "value": 5}, {"label": "Many", "value": 500}],
            },
            {"field": "role", "ask": "What do you do?"},
        ],
        "consent": "We use it only to choose what we send.",
        "touches": [{"id": "ask-first", "asset": "one-question", "ask": "next", "gap": "0d"}],
        "otherwise": "sales_review",
    },
    "experiments": [
        {
            "id": "cost-subject",
            "steps": ["smb-cost", "trigger-on-pricing"],
            "holdout": 5,
            "variants": [{"id": "control"}, {"id": "asking", "subject": "What does it cost you?", "gap": "2d"}],
        }
    ],
}


@cache
def everything() -> Playbook:
    """Its document. Immutable."""
    data = minimal_playbook().model_dump(mode="json") | _MORE
    data["triage"].append({"id": "thin", "when": '!("role" in known)', "then": "profile"})
    data["cadence"] |= {
        "holidays": {"lead": True, "unknown": "DE", "countries": ["FR"]},
        "spread": "2h",
        "paces": [{"id": "quiet", "when": "days.quiet >= 21", "factor": 2}],
    }
    data["handoff"]["recycle"]["reasons"]["no_budget"] = {"cool_down": "90d", "stage": "research"}
    data["triggers"][2] |= {"behaviour": "serious", "first_only": True, "audiences": {"remove": ["high_intent"]}}
    data["triggers"][2]["touch"] |= {"window": "any"}
    pool = next(track for track in data["tracks"] if track["stage"] == "research")
    pool |= {"order": "priority", "exhausted": "re_engage"}
    pool["touches"][1] |= {
        "priority": 90,
        "wait": {"behaviours": ["click"], "lookback": "2d", "then": "skip"},
        "ask": "role",
    }
    return Playbook.model_validate(data)
