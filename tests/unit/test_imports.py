"""The daemon idles light: what must never be loaded where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import describer_daemon

REPOSITORY = Path(__file__).parents[2]
HEAVY = (
    "numpy",
    "PIL",
    "onnxruntime",
    "torch",
    "torchvision",
    "matplotlib",
    "scipy",
    "rapidocr",
    "cv2",
)
DESKTOP = ("Xlib", "mss", "pynput", "pystray", "pyttsx3", "gi", "pyperclip", "jeepney")
# the captioner's own process decodes pictures and runs the model
OF_WINDOWS = {"describer_daemon.service.windows"}  # which refuses to be imported elsewhere
OF_THE_CHILD = {
    "describer_daemon.captioner.child",
    "describer_daemon.captioner.image_decoding",
    "describer_daemon.captioner.image_files",
    "describer_daemon.captioner.papers",
    "describer_daemon.captioner.repair",
    "describer_daemon.captioner.results",
}


def loaded(code: str, *arguments: str) -> set[str]:
    """Top-level modules that are loaded after `code` ran in an interpreter of its own."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{code}\n"
    code += "import json; print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of_the_daemon() -> list[str]:
    root = Path(describer_daemon.__file__).parent
    names = [
        ".".join((root.name, *path.relative_to(root).with_suffix("").parts))
        for path in sorted(root.rglob("*.py"))
    ]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


@pytest.mark.parametrize("module", ["cli.main", "app", "cli.doctor"])
def test_the_daemon_starts_light(module: str) -> None:
    now = loaded(f"import describer_daemon.{module}")
    assert not now & {*HEAVY, *DESKTOP, "models", "training"}
    if module == "app":  # nor what only setting up needs: 50 modules of the network's and of mail
        assert not now & {"email", "http", "ssl", "zipfile"}


def test_no_module_of_the_daemon_loads_anything_heavy_when_it_is_imported() -> None:
    light = [name for name in modules_of_the_daemon() if name not in {*OF_THE_CHILD, *OF_WINDOWS}]
    assert len(light) > 20
    now = loaded(
        "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)", *light
    )
    assert not now & {*HEAVY, *DESKTOP, "models", "training"}


@pytest.mark.parametrize("module", ["cli.describe", "cli.alt", "app", "captioner.child"])
def test_nothing_of_the_local_door_is_loaded_while_describing(module: str) -> None:
    code = f"import describer_daemon.{module}\n"
    code += "assert not [name for name in sys.modules if 'serving' in name], sys.modules.keys()"
    assert "http" not in loaded(code)


@pytest.mark.parametrize(
    "code",
    [
        "import describer_daemon.cli.describe, describer_daemon.app, describer_daemon.cli.serve",
        "import describer_daemon.captioner.child",
        "from describer_daemon.cli.main import main\n"
        "try: main(['captioner', 'list'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_that_fetches_captioners_is_loaded_but_to_fetch_one(
    code: str, sandbox: Path
) -> None:
    fetching = ("hub", "refusals", "fetching", "sources", "installing")
    code += f"\nparts = {fetching}\nloaded = [name for name in sys.modules\n"
    code += "    if name.startswith('describer_daemon.catalogue.') and name.endswith(parts)]\n"
    code += "assert not loaded, loaded\nassert 'urllib.request' not in sys.modules"
    assert not loaded(code) & {"http", "ssl"}


def test_the_help_is_quick_to_come() -> None:
    code = (
        "from describer_daemon.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    )
    assert not loaded(code) & {*HEAVY, *DESKTOP, "models"}


def test_a_caption_needs_no_torch(tiny_bundle: Path) -> None:
    now = loaded(
        "from pathlib import Path\n"
        "from describer_daemon.captioner.child import Service\n"
        "size = {'width': 64, 'height': 64, 'layout': 'RGB'}\n"
        "head = {'op': 'illustrate', 'kind': 'pixels', **size}\n"
        "found, taken_whole = [Service(Path(sys.argv[1]), None, 'onnx', find=find)\n"
        "    .answer(head, bytes(range(256)) * 48) for find in (True, False)]\n"
        "assert found[0]['finding'] == 'none', found  # stripes are no picture\n"
        "assert taken_whole[0]['words'] and taken_whole[1], taken_whole",
        str(tiny_bundle),
    )
    assert {"numpy", "PIL", "onnxruntime", "models"} <= now  # so it was a real caption
    assert not now & {
        "torch",
        "torchvision",
        "matplotlib",
        "onnx",
        "scipy",
        "training",
        "rapidocr",
        "cv2",
    }


def test_reading_text_needs_no_captioner() -> None:
    now = loaded(
        "from describer_daemon.captioner.child import Service\n"
        "service = Service(None, None, 'onnx')\n"
        "head = {'op': 'read', 'kind': 'pixels', 'width': 64, 'height': 64, 'layout': 'RGB'}\n"
        "reply, _ = service.answer(head, bytes(64 * 96) + bytes([255]) * 64 * 96)\n"
        "assert reply == {'paragraphs': (), 'finding': ''}, reply\n"
        "assert service._captioner is None",
    )
    assert "rapidocr" in now  # so it really looked for text
    assert not now & {"torch", "torchvision", "matplotlib", "onnx", "scipy", "training"}


def test_the_captioners_process_is_light_until_the_first_picture() -> None:
    assert not loaded("import describer_daemon.captioner.child") & {*HEAVY, *DESKTOP, "models"}
