"""What models write beside an answer: thoughts, tool calls and markers, parsed and removed."""
