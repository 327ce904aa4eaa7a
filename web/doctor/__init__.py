"""`webot doctor`: everything a set-up needs, tried one after the other, with the way out of each trouble."""
