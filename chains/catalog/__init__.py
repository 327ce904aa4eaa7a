"""The chains there are: their files, checks, releases and trials."""
