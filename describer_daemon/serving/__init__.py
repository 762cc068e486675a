"""A local door for other programs: pictures by HTTP/1.1, on a Unix socket or 127.0.0.1.

Nothing of this is loaded unless `describer serve` is started. The room knows how to take a request
and who may ask; what becomes of the picture it is told by whoever starts it (`cli.serve`).
"""
