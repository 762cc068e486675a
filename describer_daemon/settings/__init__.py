"""The commented TOML file: what may stand in it, and what holds where it is silent.

`settings` says what there is and watches the file, `file` is about reading and writing such files,
`rules` about what a value may be.
The room may import the names of keys, the service's private folders, and core.
"""
