"""CommonMark as models write it, with formulas, HTML tags and Chinese emphasis."""
