"""What a seller reads of a handoff comes in an order of its own, whatever order the database gives its parts."""

from adapters.crm import briefs
from domain.words import Channel
from tests.adapters.touches import touch

#: As jsonb gives it: by the length of its names.
BRIEF = {
    "fit": 80,
    "did": [{"at": "2031-03-01", "what": "looked at pricing"}],
    "mood": "in a hurry",
    "opener": "They looked at pricing last.",
    "sla_at": "2031-03-02T10:00:00+00:00",
    "why_now": "Asked for a price",
    "operator_said": "They called us",
}


def test_why_now_comes_first_and_what_nobody_knows_last():
    told = briefs.text(touch(Channel.SDR_TASK, brief=BRIEF, owner="Sales North", note=""), assigned=False)

    labels = [part.split("\n")[0] for part in told.split("\n\n")]
    assert labels == ["Why now", "Operator said", "Opener", "Did", "Fit", "Mood", "Owner"]
