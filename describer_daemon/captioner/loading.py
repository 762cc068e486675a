"""Loading the captioner that is wanted, or in its stead the one that ships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from describer_daemon.captioner import memory
from describer_daemon.catalogue import installed
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from models.captioner import Captioner, EngineName
    from models.eyes.checked import CheckedCaptioner
    from models.eyes.folder import Detail
    from models.runtime.bundle import BundleError


@dataclass(frozen=True, slots=True)
class Wanted:
    """`bundle` None is the one that ships; `detail` is "brief" or "detailed", where one can choose.

    With `or_shipped` the one that ships serves instead of one that cannot be used. With `judge`
    the last caption of others is kept until it was judged (see `judging`).
    """

    bundle: Path | None
    engine: EngineName
    threads: int | None
    detail: Detail = "brief"
    or_shipped: bool = False
    judge: bool = False


def load(wanted: Wanted) -> tuple[Captioner | CheckedCaptioner, str]:
    """→ the captioner, and what the person shall hear of it, if anything. Raises DescriberError."""
    from models.runtime.bundle import SHIPPED

    with memory.outside_limit():
        if wanted.bundle is None:
            return _loaded(SHIPPED, wanted), ""
        try:
            installed.check(wanted.bundle)
            return _loaded(wanted.bundle, wanted), ""
        except DescriberError as error:
            if not wanted.or_shipped or memory.is_out_of_memory(error):
                raise
            # Translators: {error} is what is wrong with a bundle, a whole sentence
            notice = _("{error} I use the one that ships.").format(error=error.spoken)
            return _loaded(SHIPPED, wanted), notice


def _loaded(folder: Path, wanted: Wanted) -> Captioner | CheckedCaptioner:
    from models.eyes.loading import load
    from models.runtime.bundle import BundleError

    try:
        return load(folder, wanted.engine, wanted.threads, wanted.detail, judging=wanted.judge)
    except BundleError as error:
        raise unusable(error) from error
    except ImportError as error:
        package = "describer[torch]" if wanted.engine == "torch" else "describer"
        raise DescriberError(
            # Translators: {engine} is "onnx" or "torch"
            _("The {engine} engine is not installed. Please install {package}.").format(
                engine=wanted.engine, package=package
            ),
            detail=repr(error),
        ) from error


def unusable(error: BundleError) -> DescriberError:
    """What is said of a bundle: `models` knows no language, and has its sentences marked."""
    return DescriberError(error.told(_), detail=error.detail or "see describer doctor")
