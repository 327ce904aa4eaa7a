"""Chains looked at, compared, released and tried: what the shell, the API and the console's pages share."""
