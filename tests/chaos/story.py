"""The playbook of the chaos suite: a mail every few days at any hour, answers to behaviour, handoffs, re-entry."""

from typing import Any

from domain.playbook.models import Playbook

#: Steps of one track. Each has an asset of its own: nobody is sent the same one twice.
_STEPS = 24
_STAGES = ("problem_awareness", "research", "comparison", "evaluation", "internal_alignment")
_SENDER = {"name": "Chaos", "email": "hello@mail.example.com", "postal_address": "1 Sample Street, Sampletown"}


def playbook(gap: str) -> Playbook:
    """Tracks send every ``gap``; sellers have two days to answer a handoff; who ended may begin again at once."""
    tracks = {stage: [f"{stage.replace('_', '-')}-{number}" for number in range(_STEPS)] for stage in _STAGES}
    named = [name for names in tracks.values() for name in names]
    return Playbook.model_validate(
        {
            "name": "chaos",
            "sender": _SENDER,
            "lead_fields": {"company": {"type": "string"}, "employees": {"type": "int"}},
            "behaviours": {
                "meeting": {"on": "track", "event": "Meeting Booked", "label": "booked a meeting", "points": 40},
                "pricing_visit": {"on": "page", "path": "/pricing*", "label": "looked at pricing", "points": 10},
                "case_study": {"on": "page", "path": "/customers/*", "label": "read a case study", "points": 6},
                "page_view": {"on": "page", "path": "*", "label": "visited the site", "points": 1},
            },
            "scoring": {"fit": {"base": 60}, "intent": {"half_life": "14d"}, "mql": 40, "sales_ready": 90},
            "segments": [{"id": "all", "label": "All"}],
            "stages": [_stage(number) for number in range(len(_STAGES))],
            "tracks": [_track(stage, names, gap) for stage, names in tracks.items()],
            "triggers": [_trigger(gap)],
            "cadence": {"least_gap": "0d", "opens": "00:00", "closes": "23:59", "days": _DAYS},
            "audiences": [{"id": "interested", "label": "Interested", "when": "score.intent >= 10"}],
            "handoff": _HANDOFF,
            "re_engagement": {
                "after": "300d",
                "touches": [{"id": "b", "asset": "answer", "gap": "0d"}],
                "sunset": "30d",
            },
            "length_limit": "700d",
            "re_entry": {"policy": "always"},
            "assets": {name: {"id": name, **_ASSET} for name in [*named, "answer"]},
        }
    )


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ASSET = {
    "subject": "Hello",
    "question": "Why?",
    "cta_label": "Read",
    "cta_url": "https://www.example.com",
    "body": "A line.",
}
_HANDOFF = {
    "rules": [{"id": "meeting", "when": "behaviour.meeting.in_30d >= 1", "label": "Booked a meeting."}],
    "sla": "2d",
    "remind": "1d",
    "expires": "4d",
    "recycle": {"cool_down": "2d", "most": 20},
}


def _stage(number: int) -> dict[str, Any]:
    further = _STAGES[number + 1 : number + 2]
    moves = [{"to": to, "when": f"score.intent >= {(number + 1) * 15}"} for to in further]
    return {"id": _STAGES[number], "question": "Why?", "transitions": moves}


def _track(stage: str, names: list[str], gap: str) -> dict[str, Any]:
    steps = [{"id": name, "asset": name, "gap": gap if number else "0d"} for number, name in enumerate(names)]
    return {"stage": stage, "touches": steps}


def _trigger(gap: str) -> dict[str, Any]:
    touch = {"channel": "sdr_task", "delay": "1h", "note": "Looked at pricing."}
    return {"id": "on-pricing", "behaviour": "pricing_visit", "cool_down": gap, "touch": touch, "alert": "Pricing."}
