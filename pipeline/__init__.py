"""The vocabulary, the seams and the turn; knows no framework."""
