"""How webot answers: the chains, and all of LangChain."""

import os

# An inherited variable would ship every conversation to a tracing service. LangChain reads these when it is first
# used, so they are settled before any module of this package can import it.
for _name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ[_name] = "false"
