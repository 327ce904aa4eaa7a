"""Transcripts as documents: what to export, how each format writes it, and the workers that render pages."""
