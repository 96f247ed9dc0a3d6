"""The playbook document: what a marketer writes in ``playbook.yaml`` and ``content/*.md``, as models.

These models are the reference for the language: ``docs/playbook-reference.md``, the JSON Schema and their tests are
made from the descriptions here. Models check shape; what needs the whole document (references, conditions) is checked
in ``domain.playbook.check``. The document is kept whole and is named by its hash (DESIGN decision 8).
"""

from domain.playbook.models.basics import Part
from domain.playbook.models.behaviours import BehaviourMatch, Counted, Pattern
from domain.playbook.models.cadence import Cadence, Cap, Holidays, Pace
from domain.playbook.models.crm import CrmMapping, Opportunity
from domain.playbook.models.document import Asset, Playbook
from domain.playbook.models.people import (
    PRESETS,
    DisqualifyRule,
    LeadField,
    Length,
    Segment,
    Sender,
    Situation,
    TriageRule,
)
from domain.playbook.models.scoring import Fit, FitRule, Intent, IntentBaseline, Scoring
from domain.playbook.models.sending import EVERY_OTHER, Breaker, Sending, Throttle, WarmUp
from domain.playbook.models.touches import (
    Audience,
    AudienceChange,
    Experiment,
    Option,
    Profile,
    Question,
    Touch,
    Track,
    Trigger,
    TriggerTouch,
    Variant,
    Wait,
)
from domain.playbook.models.ways import (
    Handoff,
    HandoffRule,
    Recycle,
    RecycleRule,
    ReEngagement,
    ReEntry,
    Stage,
    Transition,
)

__all__ = [
    "EVERY_OTHER",
    "PRESETS",
    "Asset",
    "Audience",
    "AudienceChange",
    "BehaviourMatch",
    "Breaker",
    "Cadence",
    "Cap",
    "Counted",
    "CrmMapping",
    "DisqualifyRule",
    "Experiment",
    "Fit",
    "FitRule",
    "Handoff",
    "HandoffRule",
    "Holidays",
    "Intent",
    "IntentBaseline",
    "LeadField",
    "Length",
    "Opportunity",
    "Option",
    "Pace",
    "Part",
    "Pattern",
    "Playbook",
    "Profile",
    "Question",
    "ReEngagement",
    "ReEntry",
    "Recycle",
    "RecycleRule",
    "Scoring",
    "Segment",
    "Sender",
    "Sending",
    "Situation",
    "Stage",
    "Throttle",
    "Touch",
    "Track",
    "Transition",
    "TriageRule",
    "Trigger",
    "TriggerTouch",
    "Variant",
    "Wait",
    "WarmUp",
]
