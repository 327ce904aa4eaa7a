"""Running the tools a model asks for, built in or of an MCP server."""
