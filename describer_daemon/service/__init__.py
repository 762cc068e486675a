"""Being a service: the control socket, one instance at a time, an orderly end, the log.

It knows how the daemon is reached and ended, not what it does. It may import core alone.
"""
