"""How webot answers: the chains, and all of LangChain."""
