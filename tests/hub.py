"""A hub on this computer for the tests: the paths of Hugging Face's, and faults to order."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Answer = Callable[["Handler"], bool]  # whether it answered: else the usual answer follows


@dataclass
class LocalHub:
    """`files` of each repository; `faults` are answered first, one a request, by a part of a path.

    `asked` has the path and the fields of every request; `content` of a file may be changed.
    """

    repositories: dict[str, dict[str, bytes]]
    commit: str = COMMIT
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    listed: dict[str, Any] | None = None  # in place of the usual listing
    address: str = ""

    def listing(self, repository: str) -> dict[str, Any]:
        """As the hub tells it with ?blobs=true: large files by their SHA-256."""
        siblings: list[dict[str, Any]] = []
        for name, content in self.repositories[repository].items():
            sibling: dict[str, Any] = {"rfilename": name, "size": len(content)}
            if name.endswith(".onnx"):
                digest = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return {"id": repository, "sha": self.commit, "siblings": siblings}

    def paths(self, part: str = "") -> list[str]:
        """The paths that were asked for, of those that have this in them."""
        return [path for path, _ in self.asked if part in path]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request after another, as the hub and as the store that it sends people to."""

    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def do_GET(self) -> None:
        self.hub.asked.append((self.path, dict(self.headers.items())))
        for part, answers in self.hub.faults.items():
            if part in self.path and answers and answers.pop(0)(self):
                return
        path = urllib.parse.urlsplit(self.path).path
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/([^/]+)", path):
            self._tell_listing(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            repository, revision, name = found.groups()
            if self._content(repository, name) is None or not self._knows(revision):
                self.tell(404, b"Entry not found")
            elif name.endswith(".onnx"):  # large files lie in a store
                self.redirect(f"/store/{repository}/{name}")
            else:
                self.tell_file(repository, name)
        elif found := re.fullmatch(r"/store/([^/]+/[^/]+)/(.+)", path):
            self.tell_file(*found.groups())
        else:
            self.tell(404, b"")

    def tell(self, status: int, body: bytes, **fields: str) -> None:
        """Answer with a body."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str, status: int = 302) -> None:
        """Send them elsewhere."""
        self.tell(status, b"", Location=target)

    def tell_file(self, repository: str, name: str, *, most: int | None = None) -> None:
        """Send a file, or what they want of it; `most` bytes, and then the connection is cut."""
        content = self._content(repository, name)
        if content is None:
            self.tell(404, b"")
            return
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        if self.headers.get("If-Range", etag) != etag:
            start = 0
        if start >= len(content) > 0:
            self.tell(416, b"", Content_Range=f"bytes */{len(content)}")
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(body if most is None else body[:most])
        if most is not None:
            self.wfile.flush()
            self.close_connection = True

    def _content(self, repository: str, name: str) -> bytes | None:
        return self.hub.repositories.get(repository, {}).get(urllib.parse.unquote(name))

    def _knows(self, revision: str) -> bool:
        return revision in (self.hub.commit, "main")

    def _tell_listing(self, repository: str, revision: str) -> None:
        if self.hub.listed is not None:
            self.tell(200, json.dumps(self.hub.listed).encode())
        elif repository in self.hub.repositories and self._knows(revision):
            self.tell(200, json.dumps(self.hub.listing(repository)).encode())
        else:
            self.tell(404, b"Repository not found")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Who hangs up is no fault of ours."""


@contextmanager
def served(repositories: Mapping[str, dict[str, bytes]]) -> Iterator[LocalHub]:
    """A hub that has these, at its `address`, until the end of the context."""
    hub = LocalHub(dict(repositories))
    handler = type("Bound", (Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# faults


def status(code: int, **fields: str) -> Answer:
    """Answer with a status and nothing else."""

    def answer(handler: Handler) -> bool:
        handler.tell(code, b"", **fields)
        return True

    return answer


def cut(most: int) -> Answer:
    """Send so many bytes of the file, and hang up."""

    def answer(handler: Handler) -> bool:
        found = re.fullmatch(r"/(?:store/)?([^/]+/[^/]+?)/(?:resolve/[^/]+/)?(.+)", handler.path)
        assert found is not None
        handler.tell_file(*found.groups(), most=most)
        return True

    return answer


def hang_up(handler: Handler) -> bool:
    """Say nothing at all."""
    handler.close_connection = True
    return True


def redirect(target: str, code: int = 302) -> Answer:
    """Send them elsewhere."""

    def answer(handler: Handler) -> bool:
        handler.redirect(target, code)
        return True

    return answer


def body(content: bytes, code: int = 200, **fields: str) -> Answer:
    """Answer with other bytes."""

    def answer(handler: Handler) -> bool:
        handler.tell(code, content, **fields)
        return True

    return answer
