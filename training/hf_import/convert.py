"""`python -m training.import_hf MODEL --out FOLDER`: somebody else's captioner as a bundle.

MODEL is a folder, or a name on the Hugging Face hub: naming one there is asking transformers to
download it. No code of the model's own is ever run, and a pickle is not opened unless asked for.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import click

from training.hf_import.parts import NotImportableError

if TYPE_CHECKING:
    from models.captioner import Captioner
    from models.runtime.bundle import Config
    from training.hf_import.networks import Imported

FARTHEST = 0.1  # a bundle's log-probabilities may be so far from those of transformers
_NEVER = 2.0  # no confidence is more than 1
_STEPS, _LIKELY = 6, -10.0  # words to compare, and how likely they must be


@dataclass(frozen=True, slots=True)
class Source:
    """Where a captioner comes from: its name, class, licence ("" when it says none)."""

    name: str
    kind: str
    licence: str


def import_model(model: str, folder: Path, *, pickle: bool = False, int8: bool = False) -> float:
    """Write the captioner `model` as a bundle to `folder`, and compare the two.

    → the largest difference of a log-probability from transformers' own, on a made-up picture.
    Raises NotImportableError for what cannot be imported, before anything is written, and when
    the difference is more than FARTHEST (with `int8`, which rounds more, it is reported only).
    """
    from models.captioner import load
    from models.captioning.caption_store import CaptionStore
    from models.captioning.confidence import Calibration
    from models.runtime import bundle
    from models.runtime.export import export
    from models.runtime.quantisation import halve, quantise
    from training.hf_import import parts as hf_parts

    source, network, tokenizer, processor = fetch(model, pickle=pickle)
    vocabulary, unsaid = hf_parts.vocabulary(tokenizer, network.words)
    network.forbid(unsaid)
    config = bundle.Config(
        {"imported": source.kind, "source": source.name},
        hf_parts.preprocessing(processor, network.size),
        hf_parts.searching(network.model.generation_config, network.longest),
        # nobody has measured when it is right: every caption is said, none plainly
        Calibration(sure=_NEVER, medium=0.0),
        network.grid,
    )
    parameters = sum(each.numel() for each in network.parameters())
    export(
        network,
        vocabulary,
        config,
        card(source, parameters, config, int8=int8),
        CaptionStore.empty(network.channels),
        folder,
        quantise if int8 else halve,
    )
    apart = difference(network, load(folder))
    if not apart <= (math.inf if int8 else FARTHEST):  # nor when there is no number
        raise NotImportableError(
            f"The bundle's log-probabilities are up to {apart:.3f} from "
            "those of transformers. Please do not use it."
        )
    return apart


def fetch(model: str, *, pickle: bool = False) -> tuple[Source, Imported, Any, Any]:
    """→ where it comes from, the network, its tokenizer, its image processor.

    Raises NotImportableError for a class that is not supported, or when a part cannot be had.
    """
    # asked for: nothing that tells others of this download, or makes them convert a model
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
    import transformers
    from transformers.utils.hub import cached_file

    from training.hf_import.networks import NETWORKS
    from training.hf_import.parts import licence, tokens

    try:
        config = transformers.AutoConfig.from_pretrained(model, trust_remote_code=False)
        kind = next(iter(config.architectures or ()), f"a model of type {config.model_type}")
        if kind not in NETWORKS:
            raise NotImportableError(
                f"{model} is {kind}, which cannot be imported. These can: {', '.join(NETWORKS)}."
            )
        if getattr(config, "num_image_with_embedding", None):
            raise NotImportableError(f"{model} captions films, not pictures.")
        made = getattr(transformers, kind).from_pretrained(
            model,
            trust_remote_code=False,
            use_safetensors=None if pickle else True,
            weights_only=True,
            attn_implementation="eager",
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        processors: Any = transformers.AutoImageProcessor  # it has no types
        processor = processors.from_pretrained(model, trust_remote_code=False, backend="pil")
        readme = cached_file(model, "README.md", _raise_exceptions_for_missing_entries=False)
    except (OSError, ValueError, UnpicklingError) as error:
        if isinstance(error, NotImportableError):
            raise
        hint = (
            ""
            if pickle or "safetensors" not in str(error)
            else (
                " Its weights may be a pickle: --pickle opens it by torch.load with weights_only."
            )
        )
        raise NotImportableError(f"{model} cannot be loaded: {error}{hint}") from error
    terms = licence(Path(readme).read_text(encoding="utf-8")) if readme else ""
    name = Path(model).resolve().name if Path(model).is_dir() else model
    start, ends = tokens(made)
    try:
        network = NETWORKS[kind](made.float(), start, ends)
    except (AttributeError, IndexError, RuntimeError, TypeError) as error:
        raise NotImportableError(
            f"{model} is built in a way that cannot be run word by word here. Tried were ViT with "
            f"GPT-2 and with BERT, GIT and BLIP. It failed with: {error}"
        ) from error
    return Source(name, kind, terms), network, tokenizer, processor


def difference(network: Imported, captioner: Captioner) -> float:
    """Compare the bundle's log-probabilities with those of transformers, without any cache.

    The picture is made up; the words are those that the bundle finds likeliest.
    """
    import numpy as np
    import torch

    from models.captioning.vocabulary import SPECIALS, START

    engine = captioner.engine
    shape = (1, 3, network.size, network.size)
    pixels = np.random.default_rng(0).standard_normal(shape, np.float32)
    encoding = engine.encode(pixels)
    state, last, predicted, farthest = encoding.state, START, [network.start], 0.0
    for _ in range(min(_STEPS, network.longest)):
        scores, _, state = engine.step(np.asarray([last]), encoding.memory, state)
        with torch.inference_mode():
            whole = network.whole(torch.from_numpy(pixels), torch.tensor([predicted]))
        ours, theirs = scores[0, len(SPECIALS) :], whole[0, -1].log_softmax(-1).numpy()
        can = np.isfinite(ours) & (theirs > _LIKELY)
        farthest = max(farthest, float(np.abs(ours[can] - theirs[can]).max()))
        last = int(np.argmax(ours)) + len(SPECIALS)
        predicted.append(last - len(SPECIALS))
    return farthest


def card(source: Source, parameters: int, config: Config, *, int8: bool) -> str:
    """Write the model card: where it comes from, and that nothing was measured here."""
    search, looked = config.search, config.preprocessing
    beam, longest = search.beam_size, search.max_words
    view = (
        f"scaled until the shorter side has {looked.shorter_side} pixels, and the middle "
        f"{looked.size} by {looked.size} are cut out: **the sides are not looked at**"
        if looked.shorter_side
        else f"squashed to {looked.size} by {looked.size} pixels, whole"
    )
    return f"""\
# Model card: {source.name}, imported

A captioner that others trained, `{source.kind}` of Hugging Face's transformers, imported by
`python -m training.import_hf {source.name}` ({parameters / 1e6:.1f} million parameters, stored as
{"int8" if int8 else "float16"}).

* **Source:** {source.name}. What it was trained on and what it is bad at, its own card tells.
* **Licence:** {source.licence or "its card names none: ask its makers before you pass it on"}.
* **Not measured here.** Neither its captions nor its confidence were scored by this project.

## Confidence
It brings no memory of training captions and no calibration. Its confidence is made of the
probabilities of its own words alone, and every caption is spoken as "Could be: ...". Whoever has
measured how far it can be believed changes `sure` and `medium` under `calibration` in
`config.json`: from `sure` on a caption is spoken plainly, below `medium` not at all. There are no
tags.

## How it looks and searches
A picture is {view}
({looked.interpolation}). Beam {beam}, at most {longest} pieces of words, length penalty
{search.length_penalty}: as its own settings say where they do, and to be changed under `search` in
`config.json`. It runs on the ONNX engine only.
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("model")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The bundle's folder: new, or empty.",
)
@click.option(
    "--pickle",
    is_flag=True,
    help="Open weights that are no safetensors, by torch.load with weights_only.",
)
@click.option("--int8", is_flag=True, help="Store weights as int8: half the size, less exact.")
def main(model: str, out: Path, pickle: bool, int8: bool) -> None:
    """Turn MODEL, an image captioner of Hugging Face, into a bundle for the describer.

    MODEL is a folder with a saved model, or a name on the hub, which is then downloaded. It must
    be a VisionEncoderDecoderModel, a GitForCausalLM or a BlipForConditionalGeneration.
    """
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(f"{out} is not empty. Please name a new folder.")
    try:
        apart = import_model(model, out, pickle=pickle, int8=int8)
    except NotImportableError as error:
        raise click.ClickException(str(error)) from error
    except ImportError as error:
        raise click.ClickException(
            f"Importing needs more packages ({error.name or error}). "
            "Please install describer[import]."
        ) from error
    click.echo(
        f"wrote {out}: within {apart:.4f} of transformers' own log-probabilities\n"
        f"to use it, name it in the settings file under [captioner]:\n"
        f'bundle = "{out.resolve()}"'
    )


if __name__ == "__main__":
    main()
