"""The API described as an OpenAPI document, from what its routes declare."""
