"""WeCom's callbacks: encryption, XML, and the event a message becomes."""
