"""The chat page: one speaks as any member through the simulator."""
