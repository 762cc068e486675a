"""Calls `main()` of one of our modules in an isolated interpreter: see `processes.python`.

Run as a file by `python -I`, with the module and the folders of the parent's libraries before the
module's own arguments. Nothing of ours may be imported before `_Ours` says where it lies.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_ROOT = str(Path(__file__).parent.parent)


class _Ours:
    """Finds our own packages beside this file and nowhere else, whatever is on the path."""

    def __init__(self, *packages: str) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        return PathFinder.find_spec(name, [_ROOT]) if name in self._packages else None


def main() -> None:
    """Become the module that the first argument names."""
    module, libraries = sys.argv[1:3]
    del sys.argv[1:3]
    # the standard library stays first: what lies beside us may have the name of one of its parts
    sys.path += [folder for folder in libraries.split(os.pathsep) if folder not in sys.path]
    # tests and benchmarks are named by whoever starts them
    sys.meta_path.insert(0, _Ours("describer_daemon", "models", module.partition(".")[0]))
    importlib.import_module(module).main()


if __name__ == "__main__":
    main()
