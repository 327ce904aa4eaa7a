"""The tool that draws: `@image` runs it, and a model may where its chain allows it."""

from typing import Annotated

from langchain_core.tools import BaseTool, tool

from chains.media.image_generation import GeneratedImage, ImageGenerator, is_possible, read_size
from chains.media.services import MediaServices
from chains.tooling.tool import Tool
from pipeline.ports import ChannelCapabilities

NAME = "draw_picture"

_DONE = (
    "The picture is drawn and goes to the person right below your answer. "
    "Say a short sentence about it; do not link to it or describe how to see it."
)


def draw_tool(image_generator: ImageGenerator) -> BaseTool:
    """Make the tool for a painter; its artifact is a `GeneratedImage`, which never enters a prompt."""

    @tool(NAME, response_format="content_and_artifact")
    async def draw_picture(
        description: Annotated[str, "What the picture shows, in detail, in the person's language."],
        size: Annotated[str, "Width and height such as 1024x1536; leave it empty unless the person asked."] = "",
    ) -> tuple[str, GeneratedImage]:
        """Draw a picture from a description and send it to the person.

        Call it only when the person asks for a picture, a drawing, a photo or the like.
        """
        wanted = read_size(size)
        return _DONE, await image_generator.generate(description, size=wanted if is_possible(wanted) else "")

    return draw_picture


def _make(media_services: MediaServices) -> BaseTool | None:
    # The demo draws when it is told to, and talks to nobody who could tell it.
    return (
        draw_tool(media_services.image_generator)
        if media_services.image_generator is not None and not media_services.image_generator.demo
        else None
    )


def _fits(capabilities: ChannelCapabilities) -> bool:
    return capabilities.pictures


# The settings of the model that draws say how long it may take.
TOOL = Tool(NAME, _make, fits=_fits, seconds=float("inf"), most=4, notice="image.drawing")
