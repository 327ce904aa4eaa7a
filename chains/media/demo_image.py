"""A picture without a model: hills under a sky, the same for the same words, so that drawing can be tried at once."""

import asyncio
import colorsys
import math
from hashlib import sha256
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFilter

_SIDE = 1024
_LEAST, _MOST = 64, 1536
_HILLS = 5
_WARM = 0.12
_NIGHT = ("夜", "晚", "星", "月", "night", "moon", "star")

Colour = tuple[int, int, int]


async def landscape(words: str, *, size: str = "") -> bytes:
    """Draw a PNG, off the event loop; `size` is written as 1024x768."""
    width, height = (max(_LEAST, min(_MOST, int(side))) for side in size.split("x")) if size else (_SIDE, _SIDE)
    return await asyncio.to_thread(_painted, words, width, height)


def _painted(words: str, width: int, height: int) -> bytes:
    # Chooses colours, not secrets.
    chance = Random(sha256(words.encode("utf-8", "replace")).digest())  # noqa: S311
    hue = chance.random()
    dark = any(word in words.lower() for word in _NIGHT)
    light = 0.3 if dark else 0.92
    picture = _sky(_colour(hue, light * 0.85), _colour(hue + 0.12, min(1.0, light * 1.05)), width, height)
    draw = ImageDraw.Draw(picture)
    if dark:
        for _ in range(140):
            x, y = chance.randrange(width), chance.randrange(max(1, height * 2 // 3))
            draw.point((x, y), fill=(255, 255, 230))
    _sun(picture, chance, _colour(_WARM, 0.99, 0.25))
    for layer in range(_HILLS):
        depth = (layer + 1) / _HILLS
        base = height * (0.45 + 0.45 * depth)
        _hill(
            draw,
            chance,
            base,
            height * 0.12,
            _colour(hue + 0.1 * depth, light * (0.85 - 0.6 * depth), 0.35),
            picture.size,
        )
    target = BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _sky(top: Colour, bottom: Colour, width: int, height: int) -> Image.Image:
    strip = Image.new("RGB", (1, 2))
    strip.putpixel((0, 0), top)
    strip.putpixel((0, 1), bottom)
    return strip.resize((width, height), Image.Resampling.BILINEAR)


def _sun(picture: Image.Image, chance: Random, colour: Colour) -> None:
    width, height = picture.size
    radius = min(width, height) * chance.uniform(0.06, 0.12)
    x, y = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.15, 0.4)
    glow = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(glow)
    draw.ellipse((x - radius * 1.6, y - radius * 1.6, x + radius * 1.6, y + radius * 1.6), fill=90)
    glow = glow.filter(ImageFilter.GaussianBlur(radius / 3))
    ImageDraw.Draw(glow).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    picture.paste(colour, (0, 0), glow.filter(ImageFilter.GaussianBlur(1)))


def _hill(
    draw: ImageDraw.ImageDraw, chance: Random, base: float, swing: float, colour: Colour, size: tuple[int, int]
) -> None:
    width, height = size
    waves = [(chance.uniform(0.5, 3.0), chance.uniform(0, math.tau), swing / (n + 1)) for n in range(4)]
    ridge = [
        (x, base + sum(high * math.sin(fast * math.tau * x / width + start) for fast, start, high in waves))
        for x in range(0, width + 4, 4)
    ]
    draw.polygon([(0, height), *ridge, (width, height)], fill=colour)


def _colour(hue: float, light: float, saturation: float = 0.45) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, max(0.0, min(1.0, light)))
    return round(red * 255), round(green * 255), round(blue * 255)
