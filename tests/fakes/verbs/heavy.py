"""Need a library that is never there."""

import a_library_that_is_not_there  # type: ignore[import-not-found]

command = a_library_that_is_not_there.command
