"""What a seller sees in Slack: a handoff's brief with its answers, or an alert, as Block Kit.

Nothing of the lead is told beyond what the brief and the note say; who it is stands where the link leads. What comes
from people or pages is escaped, so that it can neither mention a channel nor hide a link.

Limits (docs.slack.dev, Block Kit reference, read in November 2026): 3,000 characters a section, 150 a header, 75 a
button or an option, 2,000 a button's value, 150 an option's, 50 blocks a message.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.ports import OutboundTouch
from domain.words import RejectReason

ACCEPT, REJECT = "tendril_accept", "tendril_reject"
#: The block of the answers: gone once there is one. Which touch it is about follows the name.
ANSWERS = "tendril_answers:"
#: Of the metadata, by which a message is found again.
EVENT = "tendril_touch"
_SECTION, _HEADER, _BLOCK_ID = 3000, 150, 255
_MOST_ITEMS = 10

Block = Mapping[str, Any]


def message(touch: OutboundTouch, lead_url: str) -> dict[str, Any]:
    """``text`` (for notifications), ``blocks`` and ``metadata``. ``lead_url`` may hold ``{lead}`` and ``{crm_id}``."""
    title = str(touch.brief.get("why_now") or touch.note or touch.step.replace("-", " ").capitalize())
    blocks = [_header(title), *_told(touch), _whose(touch, lead_url)]
    if touch.brief:
        blocks.append(_answers(touch.key))
    return {
        "text": escaped(title),
        "blocks": blocks,
        "metadata": {"event_type": EVENT, "event_payload": {"touch": touch.key}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def answered(blocks: Sequence[Any], said: str) -> list[Block]:
    """The message once it has an answer: without the buttons, and with what was answered (mrkdwn)."""
    kept = [one for one in blocks if isinstance(one, dict) and not str(one.get("block_id", "")).startswith(ANSWERS)]
    return [*kept[:49], {"type": "context", "elements": [_mrkdwn(said)]}]


def escaped(text: str) -> str:
    """As Slack wants it ("Formatting text for app surfaces"): three characters, and nothing that breaks a line."""
    one_line = re.sub(r"\s+", " ", text)
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _told(touch: OutboundTouch) -> Iterator[Block]:
    brief = touch.brief
    if touch.note and touch.note != brief.get("why_now"):
        yield _section(escaped(touch.note))
    yield from _listed("The operator said", [brief.get("operator_said", "")])
    yield from _listed("Opener", [brief.get("opener", "")])
    yield from _listed("What they did", [_did(one) for one in _items(brief, "did")])
    yield from _listed("What they read", _items(brief, "read"))
    yield from _listed("Who else at the account", [_colleagues(brief)])
    yield from _listed("Where they stand", [_standing(brief), *_items(brief, "situations")])
    yield from _listed("Answer by", [brief.get("sla_at", "")])


def _items(brief: Mapping[str, Any], name: str) -> list[Any]:
    found = brief.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def _did(one: Any) -> str:
    return f"{one.get('at', '')}: {one.get('what', '')}" if isinstance(one, Mapping) else str(one)


def _colleagues(brief: Mapping[str, Any]) -> str:
    number = brief.get("colleagues_active")
    return f"{number} active in the last 30 days" if number else ""


def _standing(brief: Mapping[str, Any]) -> str:
    stage = str(brief.get("stage", "")).replace("_", " ")
    scores = f"fit {brief['fit']}, intent {brief['intent']}" if {"fit", "intent"} <= brief.keys() else ""
    return ", ".join(part for part in (stage, scores) if part)


def _listed(label: str, items: Sequence[Any]) -> Iterator[Block]:
    told = [escaped(str(item)) for item in items if item][-_MOST_ITEMS:]
    if told:
        lines = told if len(told) == 1 else [f"• {item}" for item in told]
        yield _section("\n".join([f"*{label}*", *lines]))


def _whose(touch: OutboundTouch, lead_url: str) -> Block:
    """An address that lacks what it needs (a contact not yet in the CRM) is left out."""
    named = lead_url and (touch.crm_id or "{crm_id}" not in lead_url)
    url = lead_url.replace("{lead}", touch.lead).replace("{crm_id}", touch.crm_id)
    lead = f"<{url}|{touch.lead}>" if named else touch.lead
    return {
        "type": "context",
        "elements": [_mrkdwn(f"Lead {lead}" + (f" · owner {escaped(touch.owner)}" if touch.owner else ""))],
    }


def _answers(key: str) -> Block:
    """The touch stands in the block's name, which comes back with an answer, whatever was chosen."""
    reasons = [_option(reason) for reason in RejectReason]
    sure = {
        "title": _plain("Reject this lead?"),
        "text": _plain("It goes back to nurture, or out of it, as the playbook says for this reason."),
        "confirm": _plain("Reject"),
        "deny": _plain("Keep"),
    }
    return {
        "type": "actions",
        "block_id": f"{ANSWERS}{key}"[:_BLOCK_ID],
        "elements": [
            {"type": "button", "action_id": ACCEPT, "style": "primary", "text": _plain("Accept"), "value": "accepted"},
            {
                "type": "static_select",
                "action_id": REJECT,
                "placeholder": _plain("Reject, because …"),
                "options": reasons,
                "confirm": sure,
            },
        ],
    }


def _option(reason: RejectReason) -> Block:
    return {"text": _plain(reason.value.replace("_", " ").capitalize()), "value": reason.value}


def _header(text: str) -> Block:
    short = re.sub(r"\s+", " ", text)
    return {"type": "header", "text": _plain(short if len(short) <= _HEADER else short[: _HEADER - 1] + "…")}


def _section(text: str) -> Block:
    """Cut at a line's end where it is too long: in the middle of ``&amp;`` it would say something else."""
    while len(text) > _SECTION:
        before = text.rpartition("\n")[0]
        text = before if "\n" in before else text[: _SECTION - 10].rpartition(" ")[0] + " …"
    return {"type": "section", "text": _mrkdwn(text)}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: addresses, channels and users in it stay text.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
