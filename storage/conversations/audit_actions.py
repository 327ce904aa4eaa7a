"""The kinds of deeds in the audit; apart from what writes them, so that the shell's help need not load a database."""

from typing import Literal

Action = Literal[
    "chain_draft",
    "chain_release",
    "chain_replay",
    "chain_test",
    "export",
    "forget",
    "import",
    "list",
    "menu_push",
    "model_edit",
    "model_remove",
    "read",
    "replay_judge",
    "retention",
    "retry",
    "sign_in",
    "sign_out",
    "token_create",
    "token_revoke",
    "user_add",
    "user_password",
    "user_remove",
    "user_role",
    "user_sign_out",
]
