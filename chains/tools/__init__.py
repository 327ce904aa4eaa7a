"""Tools a chain may use, one file each, called as the tool is: a file that says `TOOL = Tool(…)` adds one."""

import pkgutil


def tool_names() -> tuple[str, ...]:
    """Return the names of the tools of this folder, sorted; loads none of them."""
    return tuple(sorted(file.name for file in pkgutil.iter_modules(__path__)))
