"""The page of the menu: as it is in WeCom, and as the settings have it."""
