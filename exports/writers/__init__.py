"""The formats that need no page layout, and the blocks and header that all of them share."""
