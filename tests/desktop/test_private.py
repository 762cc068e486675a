"""Nothing leaves the machine: no internet socket, and nothing written by a library on the sly."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from describer_daemon import demo, processes

# As the captioner's process is used: pictures now and then, for longer than a library that
# reports in the background would wait for its first report.
_LIVES = """
import time
from describer_daemon.captioner import ChildCaptioner
from describer_daemon.ports import Encoded
from pathlib import Path
captioner = ChildCaptioner(timeout=60.0)
picture = Encoded(Path({sample!r}).read_bytes())
for _ in range(4):
    assert captioner.describe(picture).words
    captioner.read(picture)
    time.sleep(2)
captioner.close()
"""


def test_no_internet_socket_is_opened_and_nothing_is_written(sandbox: Path) -> None:
    trace = sandbox / "trace"
    python = processes.python("time")[0]
    command = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", str(trace), python, "-c",
               _LIVES.format(sample=str(demo.SAMPLE))]
    before = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(Path(demo.__file__).parent.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - before > 8
    calls = trace.read_text(encoding="utf-8", errors="replace")
    assert "AF_INET" not in calls
    written = [path for path in sandbox.rglob("*") if path.is_file() and path != trace]
    assert not written
