"""The simulator's side of `/cgi-bin`: requests checked and answered as WeCom does."""
