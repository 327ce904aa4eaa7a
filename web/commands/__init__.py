"""The shell's verbs, one file each: a file here with a click command named `command` is a verb.

The file's name is the verb, `_` for `-`; the first line of its docstring stands in `webot --help`. A file is imported
when its verb is used and not before.
"""
