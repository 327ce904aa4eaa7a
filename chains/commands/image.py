"""`@image TEXT` draws what the text describes; `@image 1024x1536 TEXT` in a size of its own."""

from collections.abc import AsyncGenerator

from chains.command import Command, CommandCall
from chains.media.image_generation import (
    LEAST_SIDE,
    MOST,
    MOST_PIXELS,
    MOST_SIDE,
    GeneratedImage,
    ImageGenerator,
    is_possible,
    read_size,
)
from chains.media.services import IMAGE
from chains.tools.draw_picture import draw_tool
from pipeline.answer import Exchange, ExchangeRecorded, Notice, Outcome, Provenance, Step
from pipeline.errors import AnswerFailed
from pipeline.events import Text
from pipeline.replies import ImageReply
from pipeline.text.command_line import is_courtesy
from pipeline.text.markdown.escape import escape_markdown
from pipeline.text.unicode import wellformed

_QUOTE = 60
_NO_DRAWING = ("的", "怎", "是什么", "软件", "工具", "板", "师", "技巧", "功能", "模型", "吗", "用什么", "app")
_NO_PICTURE = tuple(
    "的 怎 是 里 中 上 有 能 可以 太 为什么 和 与 在 不 没 看 发 打不 被 大小 格式 素材 下载 吗".split()  # noqa: SIM905 (a word a line would be a page)
)


async def run(order: CommandCall) -> AsyncGenerator[Step]:
    """Yield a notice that it takes a while, then the image, or a sentence on why there is none."""
    generator = order.context.media_services.image_generator
    description, size = _read(order.argument)
    if generator is None:
        yield order.reply("image.unavailable")
    elif not description:
        yield order.reply("image.empty_description")
    elif len(description) > MOST:
        yield order.reply("image.description_too_long", length=len(description), most=MOST)
    elif not is_possible(size):
        most = MOST_PIXELS // 1_000_000
        yield order.reply("image.size_impossible", size=size, least=LEAST_SIDE, side=MOST_SIDE, most=most)
    elif (refused := await order.context.budget.refusal(IMAGE, order.ask)) is not None:
        yield refused
    else:
        if not generator.demo:
            yield Notice(order.context.catalogue.text("image.drawing"))
        yield await _drawn(order, generator, description, size)


async def _drawn(order: CommandCall, image_generator: ImageGenerator, description: str, size: str) -> Outcome:
    call = {"type": "tool_call", "id": order.ask.trace, "name": "", "args": {"description": description, "size": size}}
    try:
        drawn = (await draw_tool(image_generator).ainvoke(call)).artifact
    except AnswerFailed as error:
        if size and error.reason == "model.refused":
            return order.reply("image.size_refused", size=size)
        raise
    return await _outcome(order, drawn, description, demo=image_generator.demo)


async def _outcome(order: CommandCall, drawn: GeneratedImage, description: str, *, demo: bool) -> Outcome:
    context = order.context
    known = await context.memory.load(order.ask.event.chat, turns=0, idle_minutes=context.chat.idle_minutes)
    answer = context.catalogue.text("image.answer", description=escape_markdown(description, most=_QUOTE))
    exchange = Exchange(order.line, answer, drawn=(drawn.media,))
    took = drawn.usage
    made_by = Provenance(
        chain=COMMAND.name,
        revision="",
        model=took.model,
        input_tokens=took.input_tokens,
        output_tokens=took.output_tokens,
        milliseconds=drawn.milliseconds,
        cost=took.cost,
    )
    context.budget.paid(made_by)
    caption = context.catalogue.text("image.demo") if demo else ""
    return Outcome(
        (ImageReply(drawn.media, caption),), (ExchangeRecorded(exchange, made_by, known.conversation, is_command=True),)
    )


def _typed(order: CommandCall) -> str:
    """Return the command as the person wrote it, whichever of its names and signs they took."""
    match order.ask.event.content:
        case Text(text) if text.strip():
            return wellformed(text).strip()
        case _:
            return f"{COMMAND.name} {wellformed(order.argument)}"


def _read(argument: str) -> tuple[str, str]:
    """Separate a size from the description it stands before."""
    text = wellformed(argument).strip()
    first, *rest = text.split(maxsplit=1)[:2] or [""]
    size = read_size(first)
    return (rest[0].strip() if rest else "", size) if size else (text, "")


def offered(order: CommandCall) -> bool:
    """List it where something draws."""
    return order.context.media_services.image_generator is not None


def _joins(name: str, rest: str) -> bool:
    """Join a description: `@图片里是什么` and `@画家是谁` are questions."""
    if is_courtesy(rest):
        return True
    if name == "@画":
        return rest[0] in "一二两三几个只张幅条朵棵座群" or rest[0].isdecimal()
    return not rest.startswith(_NO_PICTURE if name == "@图片" else _NO_DRAWING)


COMMAND = Command(
    name="@image",
    aliases=("@画图", "@图片"),
    summary="image.summary",
    usage="image.usage",
    order=2,
    run=run,
    synonyms=(
        "@画",
        "@画画",
        "@画张图",
        "@画一张图",
        "@画一张",
        "@画一幅",
        "@画幅画",
        "@画一幅画",
        "@绘图",
        "@绘画",
        "@作图",
        "@生成图片",
        "@生成图像",
        "@生成一张图",
        "@生成一张图片",
        "@来张图",
        "@文生图",
        "@images",
        "@draw",
        "@paint",
        "@picture",
    ),
    takes_text=True,
    joins=_joins,
    offered=offered,
)
