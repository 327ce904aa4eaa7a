"""The page of models: what answers, in which state, and asking one."""
