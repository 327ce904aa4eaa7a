"""Makes the files of pictures small: few colours, and of an animation only what changes."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

_COLOURS = 256
_ANIMATED_COLOURS = 64


def write_picture(png: bytes, to: Path) -> None:
    """Write a PNG with a palette."""
    with Image.open(BytesIO(png)) as opened:
        # This way keeps colours that are rare, such as a red mark among grey letters.
        rgb = opened.convert("RGB")
        few = rgb.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(to, optimize=True)


def write_animation(frames: Sequence[tuple[bytes, int]], to: Path) -> None:
    """Write a GIF that runs for ever, out of PNGs and the milliseconds that each is shown."""
    # One palette for all, out of the last frame and the first: colours that change are seen as flicker.
    first, *others = [_opened(png) for png, _ in frames]
    both = Image.new("RGB", (first.width, first.height * 2))
    both.paste(first, (0, 0))
    both.paste((others or [first])[-1], (0, first.height))
    palette = both.quantize(_ANIMATED_COLOURS)
    few = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in (first, *others)]
    few[0].save(
        to,
        save_all=True,
        append_images=few[1:],
        duration=[milliseconds for _, milliseconds in frames],
        loop=0,
        optimize=False,
        disposal=1,
    )


def _opened(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as opened:
        return opened.convert("RGB")
