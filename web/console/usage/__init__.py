"""The page of usage: answers, tokens and money, by day, chain, model and person."""
