"""Conversations as they are kept: transcript, ratings, chain revisions, erasure and audit."""
