"""The page of the doctor: the whole set-up checked, with what puts right what is wrong."""
