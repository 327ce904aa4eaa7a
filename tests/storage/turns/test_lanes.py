"""A lane as a state machine: whatever is done in whatever order, no turn is passed over."""

from hypothesis import given
from hypothesis import strategies as st

from storage.turns.lanes import Lane, LaneState


def a_lane() -> Lane:
    return Lane("wecom/zhang")


def test_every_claim_voids_the_one_before() -> None:
    lane = a_lane()
    lane.append()
    lane.claim("a")
    held = lane.epoch
    lane.ready(0.0)
    lane.claim("b")

    assert not lane.held_by("a", held)
    assert lane.held_by("b", lane.epoch)


def test_an_emptied_lane_is_idle_even_for_an_owner_who_would_go_on() -> None:
    lane = a_lane()
    lane.append()
    lane.claim("a")

    assert not lane.close(keep=True, now=0.0)
    assert LaneState.IDLE is lane.state


@given(st.lists(st.sampled_from(["accept", "claim", "close", "close and keep", "postpone"]), max_size=60))
def test_whatever_happens_no_turn_is_passed_over_and_none_is_run_twice(doings: list[str]) -> None:
    lane, ran = a_lane(), []
    for doing in doings:
        match doing:
            case "accept":
                lane.append()
                if lane.state is LaneState.IDLE:
                    lane.ready(0.0)
            case "claim" if lane.state is LaneState.READY:
                lane.claim("a")
            case "postpone" if lane.state is LaneState.OWNED:
                lane.ready(1.0)
            case "close" | "close and keep" if lane.state is LaneState.OWNED:
                ran.append(lane.head + 1)
                lane.close(keep=doing == "close and keep", now=0.0)

        assert (lane.state is LaneState.IDLE) == (lane.waiting == 0)

    assert list(range(1, len(ran) + 1)) == ran
