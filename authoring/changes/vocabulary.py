"""What parts and fields of a playbook are called where people read of changes."""

#: Field of the document → the heading it belongs under, in the order in which they are told.
SECTIONS = {
    "steps": "Steps",
    "tracks": "Tracks",
    "triggers": "Triggers",
    "segments": "Segments",
    "stages": "Stages",
    "triage": "Entry triage",
    "disqualify": "Disqualified at any time",
    "scoring": "Scoring and thresholds",
    "handoff": "Handoff to sales",
    "behaviours": "Behaviours",
    "patterns": "Patterns of behaviour",
    "situations": "Situations of the buyer",
    "lengths": "Lengths",
    "cadence": "Cadence and caps",
    "re_engagement": "Re-engagement",
    "profile": "Profiling",
    "experiments": "Experiments",
    "audiences": "Audiences",
    "assets": "Content",
    "crm": "CRM",
    "sending": "Sending",
}
#: All other fields.
REST = "The playbook itself"

#: Field that holds named parts → what one of them is called, where the heading does not say it.
NOUNS = {
    "rules": "rule",
    "entry": "intent at entry",
    "transitions": "to",
    "caps": "cap",
    "paces": "pace",
    "questions": "question",
    "options": "answer",
    "variants": "variant",
    "reasons": "after",
    "throttle": "throttle",
    "fields": "field",
    "corrections": "correction",
    "senders": "sender",
    "lead_fields": "lead field",
    "topics": "topic",
    "variables": "variable",
}

#: Fields as people call them, where their names alone would not say it.
FIELDS = {
    "after": "begins after",
    "alert": "tells sales",
    "ask": "asks for",
    "base": "points for everyone",
    "cta_label": "call to action",
    "cta_url": "call to action leads to",
    "disqualify": "disqualifies",
    "exhausted": "when no step is left",
    "first_only": "only the first time",
    "follow": "leads in flight follow a new version",
    "half_life": "half-life",
    "length_limit": "longest a journey lasts",
    "meaningful": "counts as activity",
    "most": "at most",
    "mql": "marketing-qualified from intent",
    "on": "kind of event",
    "once_per": "gives points once per",
    "otherwise": "otherwise",
    "re_entry": "beginning again",
    "remind": "reminder after",
    "sales_ready": "ready for sales from intent",
    "sla": "time to answer",
    "sunset": "ends after more quiet of",
    "then": "then",
    "when": "condition",
    "within": "window",
}
#: The same, where the field belongs to the part under this heading.
FIELDS_OF = {
    ("segments", "when"): "who belongs",
    ("audiences", "when"): "members while",
    ("handoff", "expires"): "expires after",
    ("handoff", "cool_down"): "quiet time",
    ("triggers", "cool_down"): "not again within",
    ("triggers", "behaviour"): "fires on",
    ("triggers", "expires"): "dropped when late by",
    ("cadence", "least_gap"): "least time between touches",
    ("assets", "body"): "text",
    ("experiments", "steps"): "steps",
}
