"""Routing: what an event asks for, and which chain answers it."""
