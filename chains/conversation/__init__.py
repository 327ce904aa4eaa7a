"""Answering with a model: the prompt, the tool loop, and how the answer came to be."""
