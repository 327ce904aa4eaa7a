"""Every kind of channel by the name the settings use, with the model of its own keys."""

from collections.abc import Mapping

from pydantic import BaseModel

from adapters.wecom.settings import WeComAppSettings

Kinds = Mapping[str, type[BaseModel]]

KINDS: Kinds = {"wecom_app": WeComAppSettings}
