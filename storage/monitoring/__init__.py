"""What operators and programs may see of turns: lists, one turn, the state of events, the backlog."""
