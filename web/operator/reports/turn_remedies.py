"""What puts a failed turn right, as a key of the catalogue's table `console`."""

from storage.monitoring.views import TurnView


def remedy_for(turn: TurnView) -> str:
    """Return the key of the sentence that says what to do about a turn that failed or was not delivered."""
    if turn.state == "undelivered":
        return "console.turns_remedy_undelivered"
    if turn.reason.startswith("no channel"):
        return "console.turns_remedy_channel"
    if turn.reason.startswith("no answer within"):
        return "console.turns_remedy_time"
    if turn.reason.startswith("begun "):
        return "console.turns_remedy_crash"
    return "console.turns_remedy_model"
