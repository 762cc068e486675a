"""One Chromium for many pages, driven through a pipe: no port, no driver program."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.boxes import Box
from benchmarks.screens.labels import Placed
from describer_daemon import processes

_ANSWER_SECONDS = 120.0  # on a busy machine
_QUIET = (
    "--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-domain-reliability", "--metrics-recording-only",
    "--no-pings", "--mute-audio", "--password-store=basic", "--disable-dev-shm-usage",
    "--disable-features=Translate,OptimizationHints,MediaRouter", "--test-type",
    "--proxy-server=127.0.0.1:9", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip

# → for every marked element: its rectangle, what is left of it within what scrolls around it,
# and the covers that it is not part of
_BOXES = """
(() => {
  const edges = r => [r.left, r.top, r.right, r.bottom];
  const visible = element => {
    const [l, t, r, b] = edges(element.getBoundingClientRect());
    let box = [l, t, r, b];
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
      if (getComputedStyle(up).overflowX === 'visible') continue;
      const q = edges(up.getBoundingClientRect());
      box = [Math.max(box[0], q[0]), Math.max(box[1], q[1]),
             Math.min(box[2], q[2]), Math.min(box[3], q[3])];
    }
    return box;
  };
  const covers = [...document.querySelectorAll('[data-kind=cover]')];
  const marked = [...document.querySelectorAll('[data-kind]:not([data-kind=cover])')];
  return JSON.stringify(marked.map(e => ({
    kind: e.dataset.kind, file: e.dataset.file || '', box: visible(e),
    drawn: edges(e.getBoundingClientRect()),
    natural: [e.naturalWidth || 0, e.naturalHeight || 0],
    covers: covers.filter(c => !c.contains(e)).map(c => edges(c.getBoundingClientRect())) })));
})()
"""
_LOADED = """
Promise.all([...document.images].map(i => i.decode().catch(() => 0)).concat([document.fonts.ready]))
  .then(() => new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(1)))))
"""


class BrowserError(RuntimeError):
    """Chromium is missing, ended or did not answer; the message names the cure."""


@dataclass(frozen=True, slots=True)
class View:
    """A viewport: `width` and `height` are CSS pixels, `scale` device pixels for each."""

    width: int
    height: int
    scale: float


class Browser:
    """Use it in a `with` block. Without `env` it is headless; with one, a window on its display."""

    def __init__(
        self, env: Mapping[str, str] | None = None, window: tuple[Box, float] | None = None
    ) -> None:
        self._env, self._window = env, window
        self._buffer, self._next = b"", 0

    def __enter__(self) -> Self:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if program is None:
            raise BrowserError("Chromium is missing. Please install the package chromium.")
        self._home = tempfile.TemporaryDirectory(prefix="describer-", ignore_cleanup_errors=True)
        self._page = Path(self._home.name, "page.html")
        command = [program, *_QUIET, f"--user-data-dir={self._home.name}/profile"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # its sandbox refuses root
        if self._window is None:
            command += ["--headless=new", "--hide-scrollbars"]
        else:
            box, scale = self._window
            command += [f"--force-device-scale-factor={scale}", "--ozone-platform=x11",
                        f"--window-position={box.left},{box.top}",
                        f"--window-size={round(box.width / scale)},{round(box.height / scale)}"]
        self._start([*command, "about:blank"])
        targets = self._ask("Target.getTargets")["targetInfos"]
        pages = [each for each in targets if each["type"] == "page"]
        target = pages[0]["targetId"] if pages else \
            self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = str(attached["sessionId"])
        self._ask("Page.enable", self._session)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        processes.end(self._process, timeout=10)
        os.close(self._write)
        os.close(self._read)
        self._home.cleanup()

    def show(self, html: str, down: float, view: View | None = None) -> list[Placed]:
        """Show a page, scrolled `down` by a share of what can be scrolled → its marked elements.

        Their boxes are in device pixels from the viewport's corner.
        """
        if view is not None:
            self._ask("Emulation.setDeviceMetricsOverride", self._session, width=view.width,
                      height=view.height, deviceScaleFactor=view.scale, mobile=False)
        self._page.write_text(html, encoding="utf-8")
        self._ask("Page.navigate", self._session, url=self._page.as_uri())
        self._until_loaded()
        self.run(_LOADED)
        if down:
            whole = "document.documentElement.scrollHeight"
            self.run(f"scrollTo(0, Math.round(({whole} - innerHeight) * {down}))")
            self.run(_LOADED)
        scale = float(self.run("devicePixelRatio"))
        return [_placed(row, scale) for row in json.loads(self.run(_BOXES))]

    def grab(self) -> bytes:
        """The viewport as PNG."""
        shot = self._ask("Page.captureScreenshot", self._session, format="png",
                         optimizeForSpeed=True)
        return base64.b64decode(shot["data"])

    def run(self, script: str) -> Any:
        """Evaluate JavaScript in the page and wait for its promise."""
        answer = self._ask("Runtime.evaluate", self._session, expression=script, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"The page's script failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _until_loaded(self) -> None:
        latest = time.monotonic() + _ANSWER_SECONDS
        state = f"document.readyState + location.href === 'complete{self._page.as_uri()}'"
        while not self.run(state):
            if time.monotonic() > latest:
                raise BrowserError("Chromium did not load a page in time. Please try again.")
            time.sleep(0.01)

    def _start(self, command: list[str]) -> None:
        # Chromium reads its orders from descriptor 3 and answers on 4, each ended by a zero byte.
        orders, self._write = os.pipe()
        self._read, answers = os.pipe()
        if shutil.which("setpriv"):  # should this program be killed outright, Chromium still ends
            command = ["setpriv", "--pdeathsig", "TERM", *command]
        shell = 'a=$1 b=$2; shift 2; exec "$@" 3<&"$a" 4>&"$b"'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", str(orders), str(answers), *command],
            pass_fds=(orders, answers), start_new_session=True, env=self._env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(orders)
        os.close(answers)

    def _ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        self._next += 1
        order: dict[str, Any] = {"id": self._next, "method": method, "params": parameters}
        if session:
            order["sessionId"] = session
        os.write(self._write, json.dumps(order).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._next:
                break
        if "error" in answer:
            raise BrowserError(f"Chromium refused {method}: {answer['error'].get('message')}")
        return dict(answer["result"])

    def _message(self) -> bytes:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], _ANSWER_SECONDS)[0]:
                raise BrowserError("Chromium did not answer. Please try again.")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise BrowserError("Chromium ended by itself. Please try again.")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return message


def _placed(row: Mapping[str, Any], scale: float) -> Placed:
    def box(edges: list[float]) -> Box:
        return Box.from_edges(*(edge * scale for edge in edges))

    drawn = box(row["drawn"])
    wide, high = row["natural"]
    if wide and high and drawn.area:  # an image that fills its box is larger than it and cut
        factor = max(drawn.width / wide, drawn.height / high)
        drawn = Box(0, 0, round(wide * factor), round(high * factor))
    return Placed(row["kind"], row["file"], box(row["box"]), drawn,
                  tuple(box(edges) for edges in row["covers"]))
