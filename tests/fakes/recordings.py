"""Pictures and recordings made for tests: nothing of them comes from anybody."""

import math
import struct
import wave
from array import array
from io import BytesIO
from itertools import pairwise
from zlib import compress, crc32

from PIL import Image

SPEEX_FRAME = bytes([0b00000_011, 0b11_000000])
"""A frame of Speex's silence, mode 0, and the end of its packet."""


def picture(kind: str, width: int = 64, height: int = 48, *, colour: object = "red", mode: str = "RGB") -> bytes:
    target = BytesIO()
    Image.new(mode, (width, height), colour).save(target, kind)  # type: ignore[arg-type]
    return target.getvalue()


def blank(kind: str, mode: str, pixels: int, **how: object) -> bytes:
    """A square picture of nothing, which any format makes small; `how` is for the format."""
    side = int(math.sqrt(pixels))
    target = BytesIO()
    Image.new(mode, (side, side)).save(target, kind, **how)
    return target.getvalue()


def webp_claiming(width: int, height: int) -> bytes:
    """A lossless WebP of a few bytes that says it is so large."""
    small = bytearray(blank("WEBP", "L", 64, lossless=True))
    at = small.index(b"VP8L") + 9
    size = (width - 1) | (height - 1) << 14
    small[at : at + 4] = (int.from_bytes(small[at : at + 4], "little") >> 28 << 28 | size).to_bytes(4, "little")
    return bytes(small)


def interlaced(pixels: int) -> bytes:
    """A square RGBA picture as a PNG that is sent in seven passes."""
    side = int(math.sqrt(pixels))
    starts = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = [bytes(1 + 4 * len(range(x, side, dx))) * len(range(y, side, dy)) for x, y, dx, dy in starts]
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 1)), (b"IDAT", compress(b"".join(rows), 1)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc32(name + body))
        for name, body in (*chunks, (b"IEND", b""))
    )


def noise(kind: str, width: int, height: int) -> bytes:
    """A picture that no format makes small."""
    target = BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(target, kind, quality=100)
    return target.getvalue()


def size_of(data: bytes) -> tuple[str | None, int, int]:
    """Give format, width and height."""
    with Image.open(BytesIO(data)) as opened:
        return opened.format, *opened.size


def tone(seconds: float, *, hertz: float = 440.0, rate: int = 24_000) -> bytes:
    """A WAV file of one steady tone."""
    turn = 2 * math.pi * hertz / rate
    return wav(array("h", (int(12000 * math.sin(turn * n)) for n in range(int(seconds * rate)))).tobytes(), rate=rate)


def wav(samples: bytes, *, rate: int) -> bytes:
    """A WAV file of such samples, 16 bits each, mono."""
    target = BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return target.getvalue()


def wave_head(rate: int = 16_000, channels: int = 1, *, bits: int = 16, tag: int = 1) -> bytes:
    """A WAV file that says such things of itself, with a thousand bytes of silence."""
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, bits)
    sound = bytes(1000)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def heard(wav: bytes) -> tuple[int, float, float]:
    """Give a WAV file's rate, its seconds, and the pitch of its tone in hertz."""
    with wave.open(BytesIO(wav)) as file:
        samples = array("h", file.readframes(file.getnframes()))
        rate = file.getframerate()
    seconds = len(samples) / rate
    rises = sum(1 for before, after in pairwise(samples) if before < 0 <= after)
    return rate, seconds, rises / seconds


def amr_seconds(amr: bytes) -> float:
    """Give how long an AMR-NB file of 12.2 kbit/s plays."""
    assert amr.startswith(b"#!AMR\n")
    return (len(amr) - 6) / 32 / 50


def speex(packets: int) -> bytes:
    """An Ogg file of Speex, narrowband, 20 ms of silence in each packet; built from the formats' own descriptions."""
    head = struct.pack("<8s20s13i", b"Speex   ", b"1.2", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 1, 0, 0, 0)
    comment = struct.pack("<i", 0) + struct.pack("<i", 0)
    pages = [_page(0, 2, 0, [head]), _page(1, 0, 0, [comment])]
    pages.append(_page(2, 4, packets * 160, [SPEEX_FRAME] * packets))
    return b"".join(pages)


def _page(number: int, flags: int, granule: int, packets: list[bytes]) -> bytes:
    laces = bytes(len(packet) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 7, number, 0, len(laces)) + laces
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
