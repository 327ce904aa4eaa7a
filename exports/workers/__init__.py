"""The processes that render documents, and how they are asked."""
