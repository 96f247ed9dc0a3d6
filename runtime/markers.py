"""The decisions that a history records: markers that the SDK's core writes, one for each local activity that ended."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter

from activities.messages import DecideResult

#: The name by which the SDK's core marks the end of a local activity.
_MARKER = "core_local_activity"


async def decision(event: HistoryEvent, converter: DataConverter) -> DecideResult | None:
    """The decision that an event records; None for every other event, and for an attempt to decide that failed.

    Of an attempt that failed after some seconds (PostgreSQL was away) the core records the failure, without a result,
    and a timer until the next (sdk-core, local_activity_state_machine.rs). Raises what ``converter`` does.
    """
    marker = event.marker_recorded_event_attributes
    is_marker = event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED and marker.marker_name == _MARKER
    if not is_marker or "result" not in marker.details:
        return None
    made: list[DecideResult] = await converter.decode(marker.details["result"].payloads, [DecideResult])
    return made[0]
