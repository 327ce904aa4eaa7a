"""Trials of chains: what comes of them as documents, and tests and replays that run as jobs."""
