"""WeCom's AI bot (智能机器人): its frames, its connection, its streams, and how its answers are written."""
