"""`webot init`: what is asked, tried and written when webot is set up in a terminal."""
