"""Alt text for pictures that lie in files and pages: what is proposed, and where it is kept.

Nothing here sees a picture: captions come from whoever calls. The room knows `core` and how to
start a program (`processes`); `cli.alt` and `cli.alt_page` are the commands on top of it.
"""
