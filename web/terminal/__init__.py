"""Chatting and simulating from a terminal."""
