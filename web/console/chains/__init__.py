"""The chains' pages: the list, and one chain written, tried, tested, released, replayed and compared."""
