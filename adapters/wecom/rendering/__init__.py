"""Replies rendered as WeCom messages: parsed, laid out, and split to fit."""
