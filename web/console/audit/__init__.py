"""The page of the audit: who read, exported, deleted or changed what."""
