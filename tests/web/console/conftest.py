"""Lets browsers take their time: what is expected of a page may come late on a machine that is far too busy."""

from playwright.async_api import expect

expect.set_options(timeout=60_000)
