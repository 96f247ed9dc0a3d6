"""The words of the field, as types. Every other module, screen and document uses these and no others.

Each enumeration's values are what is stored and shown; they never change meaning once released.
"""

from enum import StrEnum


class BuyerStage(StrEnum):
    """Where we infer the buyer is. The order of members is the order of the buying process."""

    PROBLEM_AWARENESS = "problem_awareness"
    RESEARCH = "research"
    COMPARISON = "comparison"
    EVALUATION = "evaluation"
    INTERNAL_ALIGNMENT = "internal_alignment"


class LeadStatus(StrEnum):
    """The CRM's word for a lead: what sales sees."""

    NEW = "new"
    SALES_REVIEW = "sales_review"
    NURTURE = "nurture"
    RE_ENGAGED = "re_engaged"
    SALES_ACCEPTED = "sales_accepted"
    DISQUALIFIED = "disqualified"


class Phase(StrEnum):
    """What the journey is doing. Transitions between phases are the table in ``domain.core.phases``."""

    ENTRY = "entry"
    NURTURE = "nurture"
    SALES_REVIEW = "sales_review"
    HANDOFF = "handoff"
    COOL_DOWN = "cool_down"
    RE_ENGAGEMENT = "re_engagement"
    ENDED = "ended"


class Ending(StrEnum):
    """Why a journey ended."""

    SALES_ACCEPTED = "sales_accepted"
    SUNSET = "sunset"
    DISQUALIFIED = "disqualified"
    OPTED_OUT = "opted_out"
    COMPLAINED = "complained"
    HARD_BOUNCED = "hard_bounced"
    OPPORTUNITY_OPENED = "opportunity_opened"
    LENGTH_LIMIT = "length_limit"
    OPERATOR = "operator"
    MERGED = "merged"


class AdsNetwork(StrEnum):
    """Where an ads audience can be kept."""

    LINKEDIN = "linkedin"
    GOOGLE = "google"
    META = "meta"


class Channel(StrEnum):
    """How a touch reaches someone. ``EMAIL`` and ``DIRECT_MAIL`` reach the lead; the others reach sales."""

    EMAIL = "email"
    SDR_TASK = "sdr_task"
    DIRECT_MAIL = "direct_mail"
    ALERT = "alert"


#: Channels that reach the lead in person: consent, suppression and caps apply to these.
DIRECT_CHANNELS = frozenset({Channel.EMAIL, Channel.DIRECT_MAIL})


class TouchStatus(StrEnum):
    """A touch's place in the ledger (``docs/decisions/0004-touch-ledger.md``)."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    UNKNOWN = "unknown"


#: Statuses after which the same key may be planned again: nothing was sent under it.
REPLANNABLE = frozenset({TouchStatus.REFUSED, TouchStatus.WITHDRAWN})


class DeliveryKind(StrEnum):
    """What became of a touch. Arrives in the inbox as a behaviour of kind ``delivery`` with this name."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    REPLIED = "replied"


class RejectReason(StrEnum):
    """Why a seller gave a lead back."""

    UNREACHABLE = "unreachable"
    BAD_DATA = "bad_data"
    NO_NEED = "no_need"
    NO_BUDGET = "no_budget"
    NO_AUTHORITY = "no_authority"
    NO_FIT = "no_fit"
    TIMING = "timing"


class DisqualifyReason(StrEnum):
    """Why someone is not a lead."""

    VENDOR = "vendor"
    JOB_APPLICANT = "job_applicant"
    UNRELATED = "unrelated"
    MARKET_NOT_SERVED = "market_not_served"
    PERSONAL_RESEARCH = "personal_research"
    POOR_FIT = "poor_fit"
    COMPETITOR = "competitor"
    INVALID_CONTACT = "invalid_contact"
    OTHER = "other"


class CommandKind(StrEnum):
    """What an operator (or a seller) can tell a journey. Each is a Temporal Update of the same name."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP_WAIT = "skip_wait"
    FORCE_STAGE = "force_stage"
    HAND_OFF = "hand_off"
    DISQUALIFY = "disqualify"
    OPT_OUT = "opt_out"
    END = "end"
    SALES_ACCEPT = "sales_accept"
    SALES_REJECT = "sales_reject"
    RESEND = "resend"
    REWIND = "rewind"
    MIGRATE = "migrate"


class ResumePolicy(StrEnum):
    """What becomes of what fell due while a journey was paused (C33)."""

    SHIFT = "shift"  # every gap that was running is longer by the pause
    SKIP = "skip"  # touches that fell due meanwhile are passed over
    CATCH_UP = "catch_up"  # they leave now, as cadence and caps allow
