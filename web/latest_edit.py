"""What became of the latest edit of the settings files while the service runs."""

from dataclasses import dataclass


@dataclass
class LatestEdit:
    """Written by who watches the files, read by who tells people."""

    refused: tuple[str, ...] = ()
    """What is wrong with it: the previous settings stay in force."""
    waiting: tuple[str, ...] = ()
    """Keys that hold from the next start on."""
