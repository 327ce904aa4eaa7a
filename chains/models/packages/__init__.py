"""Bounds for models that packages of LangChain's bring: on what their clients take, and on the pieces they give."""
