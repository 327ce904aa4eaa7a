"""The roles of users and programs; apart from what they may do, so that the shell's help loads no web framework."""

from enum import StrEnum


class Role(StrEnum):
    """What kind of user signed in."""

    OPERATOR = "operator"
    PROMPT_ENGINEER = "prompt_engineer"
    READER = "reader"
