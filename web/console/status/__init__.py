"""The status page: what is ready, where WeCom has to call, and who answers."""
