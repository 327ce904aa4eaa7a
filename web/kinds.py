"""Every kind of channel by the name the settings use, with the model of its own keys."""

from collections.abc import Mapping

from pydantic import BaseModel

Kinds = Mapping[str, type[BaseModel]]

KINDS: Kinds = {}
