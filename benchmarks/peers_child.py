"""One captioner in a process of its own: what it loads and takes is its own, too."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer_daemon.captioner import protocol

if TYPE_CHECKING:
    from benchmarks.peers_networks import Sizes

# a file's bytes, so many words → how many words there are
Say = Callable[[bytes, int], int]
Make = Callable[[Path, int], Say]


def ours(_: Path, threads: int, engine: Any = "onnx") -> Say:
    """The shipped bundle on the daemon's whole way from a file, but for the picture finder."""
    from describer_daemon.captioner.child import Service

    service = Service(None, None, engine, find=False, threads=threads)
    head = {"op": "describe", "kind": "encoded"}
    if engine == "torch":
        import torch

        torch.set_num_threads(threads)
    service.answer({"op": "load"}, b"")

    def say(data: bytes, _: int) -> int:
        reply = service.answer(head, data)[0]
        if "error" in reply:
            raise ValueError(f"{reply['error']} {reply['detail']}")
        return len(reply["words"])

    return say


def ours_in_torch(folder: Path, threads: int) -> Say:
    return ours(folder, threads, "torch")


def on_onnx(folder: Path, threads: int) -> Say:
    """ViT and GPT-2 on ONNX Runtime."""
    from PIL import Image

    from benchmarks.peers_loop import Greedy
    from models.captioning.preprocess import Preprocessing, to_array, upright_rgb

    loop = Greedy(folder, threads)
    prepared = Preprocessing(loop.side)

    def say(data: bytes, words: int) -> int:
        image = upright_rgb(Image.open(io.BytesIO(data)))
        return len(loop.caption(to_array(image, prepared), words))

    return say


def as_published(folder: Path, threads: int) -> Say:
    """A captioner in its published layout, on the engine that the describer has for it."""
    import dataclasses

    from PIL import Image

    from models.captioning.preprocess import upright_rgb
    from models.eyes.captioner import load

    engine = load(folder, threads).engine
    settings = dataclasses.replace(
        engine.generation("brief"), num_beams=1, end=(), forced_bos=-1, forced_eos=-1
    )

    def say(data: bytes, words: int) -> int:
        wanted = dataclasses.replace(settings, max_length=words + 1)
        image = upright_rgb(Image.open(io.BytesIO(data)))
        return len(engine.generate(image, "brief", wanted).tokens)

    return say


def on_torch(folder: Path, threads: int) -> Say:
    """A captioner of transformers, as its documentation runs it."""
    import torch
    import transformers as hf
    from PIL import Image

    torch.set_num_threads(threads)
    config = hf.AutoConfig.from_pretrained(folder)
    model = getattr(hf, (config.architectures or [""])[0]).from_pretrained(folder).eval()
    processors: Any = hf.AutoImageProcessor  # it has no types
    processor = processors.from_pretrained(folder, backend="pil")

    def say(data: bytes, words: int) -> int:
        pixels = processor(
            images=Image.open(io.BytesIO(data)).convert("RGB"), return_tensors="pt"
        ).pixel_values
        with torch.inference_mode():
            ids = model.generate(
                pixel_values=pixels,
                min_new_tokens=words,
                max_new_tokens=words,
                do_sample=False,
                num_beams=1,
            )
        return int(ids.shape[1]) - 1  # the start is no word

    return say


def asked_on_torch(folder: Path, threads: int) -> Say:
    """A captioner of transformers that is asked a question: tokens.json has it, with a place for
    each part of the picture."""
    import torch
    import transformers as hf
    from PIL import Image

    from models.captioning.preprocess import upright_rgb
    from models.eyes.folder import read_table
    from models.eyes.pictures import read_pictures

    torch.set_num_threads(threads)
    config = hf.AutoConfig.from_pretrained(folder)
    model = getattr(hf, (config.architectures or [""])[0]).from_pretrained(folder).eval()
    pictures = read_pictures(read_table(folder, "preprocessor_config.json"))
    ids = torch.tensor([read_table(folder, "tokens.json")["tokens"]])
    mask = torch.ones_like(ids)

    def say(data: bytes, words: int) -> int:
        image = upright_rgb(Image.open(io.BytesIO(data)))
        # several tiles have an axis of their own
        array = pictures.tiles(image, split=False)[0][None] if pictures.tile else None
        pixels = torch.from_numpy(pictures.array(image) if array is None else array)
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=mask,
                pixel_values=pixels,
                min_new_tokens=words,
                max_new_tokens=words,
                do_sample=False,
                num_beams=1,
            )
        return words

    return say


# as `benchmarks.peers.PEERS` names them
MAKE: dict[str, Make] = {
    "ours": ours,
    "ours in torch": ours_in_torch,
    "onnx": on_onnx,
    "published": as_published,
    "torch": on_torch,
    "asked torch": asked_on_torch,
}


def build(name: str, folder: Path, sizes: Sizes | None = None) -> None:
    """Make a captioner with random weights; "vit-gpt2" is made with int8 and without, "published",
    "florence-2" and "smolvlm" in their published layout and for transformers."""
    from benchmarks import peers_networks as networks

    if name == "vit-gpt2":
        networks.export(networks.vit_gpt2(sizes or networks.VIT_GPT2), folder / "vit-gpt2 fp32")
        networks.quantise(folder / "vit-gpt2 fp32", folder / "vit-gpt2 int8")
    elif name == "published":
        published(networks.vit_gpt2(sizes or networks.VIT_GPT2), folder)
    elif name in ("florence-2", "smolvlm"):
        from benchmarks import peers_asked

        peers_asked.build(name, folder)
    elif name == "blip-base":
        networks.save(networks.blip(sizes or networks.BLIP), sizes or networks.BLIP, folder / name)
    else:
        networks.save(networks.git(sizes or networks.GIT), sizes or networks.GIT, folder / name)


def published(model: Any, folder: Path) -> None:
    """ViT and GPT-2 in the published layout, with int8, and the same for transformers."""
    from benchmarks import peers_published

    graphs, plain = folder / "published int8", folder / "published torch"
    peers_published.vit_gpt2_graphs(model, graphs)
    peers_published.quantise(graphs)
    model.save_pretrained(plain)
    for each in (graphs, plain):
        peers_published.write_tables(model, each)


def main() -> None:
    """Load, then say so, then caption each picture that is sent and tell how long it took."""
    parser = argparse.ArgumentParser(description="One captioner, to be measured.")
    parser.add_argument("kind", choices=[*MAKE, "build"])
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("threads", type=int)
    options = parser.parse_args()
    # keep the reply stream to ourselves: a library that prints must not garble it
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if options.kind == "build":
        build(options.name, options.folder)
        return
    say = MAKE[options.kind](options.folder / options.name, options.threads)
    protocol.write(replies, {"ready": True}, b"")
    while (message := protocol.read(sys.stdin.buffer)) is not None:
        head, data = message
        began = time.perf_counter()
        words = say(data, head["words"])
        protocol.write(
            replies, {"words": words, "milliseconds": 1e3 * (time.perf_counter() - began)}, b""
        )


if __name__ == "__main__":
    main()
