"""CommonMark as models write it, for chat and documents: formulas, HTML tags, Chinese emphasis, within bounds."""
