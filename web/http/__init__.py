"""The HTTP server: its sockets and its routes."""
