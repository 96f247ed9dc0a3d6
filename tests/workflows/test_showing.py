"""What a journey tells whoever looks at it in the Temporal UI."""

import re
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.messages import DecideInput, DecideResult
from domain.state import HandoffState, JourneyState
from domain.words import BuyerStage, Phase
from runtime.survey import STUCK_QUERY
from tests.storage.samples import NOW
from workflows.showing import details, summary

_PAGE = Path(__file__).parents[2] / "docs" / "temporal-ui.md"
STATE = JourneyState.begin("ld_1", 1, "hash", NOW)


def test_details_say_where_why_what_next_and_what_would_move_it_forward():
    state = STATE.model_copy(
        update={
            "phase": Phase.RE_ENGAGEMENT,
            "stage": BuyerStage.COMPARISON,
            "segment": "smb",
            "paused_since": NOW,
            "handoff": HandoffState(id="h", opened=NOW, reason="ready"),
        }
    )
    result = DecideResult(state=state, title="Sends guide", why="next in the track; is quiet", wake_at=NOW, cause="gap")
    assert details(result, "any visit; a reply").split("\n\n") == [
        "### Re-engagement · Comparison · smb",
        "**Paused** since 2026-03-02 10:00 on the deployment's clock: nothing is sent",
        "**With sales:** the handoff is open",
        "Sends guide",
        "**Why**",
        "- next in the track\n- is quiet",
        "**Next:** 2026-03-02 10:00 UTC, gap",
        "**What would move it forward**",
        "- any visit\n- a reply",
    ]


@pytest.mark.parametrize(
    ("wakes", "waited_for", "told"),
    [
        ((), "next touch: guide", "8: due: next touch: guide"),
        ((), "", "8: timer"),
        (("/pricing", "Trial Started"), "next touch: guide", "8: behaviour: /pricing, Trial Started"),
    ],
    ids=["a timer says what for", "a run that began anew", "behaviour by its names"],
)
def test_a_decision_is_summed_up_by_what_it_is_about(wakes: tuple[str, ...], waited_for: str, told: str):
    asked = DecideInput(state=STATE.model_copy(update={"number": 7}), now=NOW, wakes=wakes)
    assert summary(asked, waited_for) == told


def test_a_summary_is_never_longer_than_the_server_takes():
    asked = DecideInput(state=STATE, now=NOW, wakes=("€" * 60, "é" * 60, "ü" * 60))
    assert len(summary(asked, "").encode()) < 400


async def test_every_query_of_the_page_is_one_that_the_server_takes(dev_server: WorkflowEnvironment):
    queries = re.findall(r"```sql\n(.+?)\n```", _PAGE.read_text(), re.DOTALL)
    assert len(queries) > 10
    for query in queries:
        assert (await dev_server.client.count_workflows(query)).count == 0
    assert (await dev_server.client.count_workflows(STUCK_QUERY)).count == 0
