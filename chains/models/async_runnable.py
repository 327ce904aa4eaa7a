"""The runnable that others of ours are made from: it waits on the event loop or not at all."""

from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig

Given = TypeVar("Given")
Made = TypeVar("Made")


class AsyncOnlyRunnable(Runnable[Given, Made]):
    """A runnable for `ainvoke` and `astream` alone."""

    def invoke(
        self,
        input: Given,  # noqa: A002 - the library's own signature
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Made:
        """Refuse: nothing here waits without the event loop."""
        message = "call ainvoke or astream"
        raise NotImplementedError(message)
