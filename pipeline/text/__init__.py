"""Text: the catalogues, and the forms in which text is compared, stored and quoted."""
