"""The API for programs, /api/v1: one file a resource."""
