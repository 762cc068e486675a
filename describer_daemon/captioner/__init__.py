"""The captioner's process: its two ends, what passes between them, and its confinement.

`child` runs in that process and is the only module of the daemon that knows `models`; `client`
is all that the daemon sees of it. The room may import capture's geometry, the shared parts
(`processes`), and core.
"""
