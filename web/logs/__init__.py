"""Logging: one pipe for every line, with secrets redacted."""
