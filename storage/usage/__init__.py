"""Tokens and money, added up by person, day, chain and model."""
