"""Durable turns: inbox, lanes, outbox, leases, and the worker that runs them."""
