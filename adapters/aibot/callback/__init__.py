"""A bot that WeCom calls back: sealed JSON, streams it asks for, and the one message that may follow."""
