"""Every kind of channel by the name the settings use."""

from collections.abc import Mapping
from typing import Any

from adapters import wecom_aibot, wecom_app
from adapters.channel_kind import ChannelKind

Kinds = Mapping[str, ChannelKind[Any]]

KINDS: Kinds = {kind.name: kind for kind in (wecom_app.KIND, wecom_aibot.KIND)}
