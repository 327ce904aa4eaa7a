"""Chat models: registry, fallback, rate limits, prices and budgets."""
