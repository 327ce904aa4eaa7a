"""Where settings stand: the names of the files, and what names in the environment begin with."""

FILES = ("settings.toml", "settings.local.toml", ".secrets.toml")
PREFIX = "WEBOT_"
FOLDER = "WEBOT_SETTINGS_DIR"
