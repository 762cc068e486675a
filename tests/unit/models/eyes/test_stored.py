"""However weights and tokens are stored, the words are those of the same network."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
import tokenizers

from benchmarks import peers_published
from models.eyes.captioner import load
from models.eyes.decoder import Decoder
from models.eyes.graphs import Graph
from models.eyes.tokens import Tokens
from tests.eyes import WORDS

if TYPE_CHECKING:
    from PIL import Image

_GRAPHS = ("vision_encoder", "embed_tokens", "encoder_model", "decoder_model_merged")


def _stored(source: Path, folder: Path, variant: str, shrink: Any) -> Path:
    """A captioner whose graphs are stored anew, and as that variant."""
    shutil.copytree(source, folder)
    for role in _GRAPHS:
        for path in (folder / "onnx").glob(f"{role}*.onnx"):
            shrink(path)
            path.rename(path.with_name(f"{role}_{variant}.onnx"))
    return folder


def _operators(graph: Any) -> Counter[str]:
    """How often each operator is there, in branches, too."""
    found = Counter(node.op_type for node in graph.node)
    for node in graph.node:
        for each in node.attribute:
            if each.type == onnx.AttributeProto.GRAPH:
                found += _operators(each.g)
    return found


def _tokens(folder: Path, variant: str, pictures: list[Image.Image], detail: Any) -> list[Any]:
    captioner = load(folder, 1, variant)
    generation = dataclasses.replace(captioner.engine.generation(detail), max_length=10, end=())
    return [captioner.engine.generate(each, detail, generation) for each in pictures]


def test_four_bits_say_the_same_rewritten_or_not(
    florence_folder: Path,
    pictures: list[Image.Image],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = _stored(florence_folder, tmp_path / "q4", "q4", peers_published.four_bits)
    graph = onnx.load(folder / "onnx/decoder_model_merged_q4.onnx").graph
    assert _operators(graph)["MatMulNBits"] > 20
    found = _tokens(folder, "q4", pictures[:2], "detailed")

    def as_published(path: Path, threads: int, embed: Graph) -> Decoder:
        return Decoder(Graph(path, threads, path.name), embed)

    monkeypatch.setattr("models.eyes.florence.load_graph", Graph)
    monkeypatch.setattr("models.eyes.florence.load_decoder", as_published)
    for one, other in zip(found, _tokens(folder, "q4", pictures[:2], "detailed"), strict=True):
        assert one.tokens == other.tokens
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-3)


@pytest.mark.parametrize("around", [False, True])
def test_half_as_wide_floats_say_what_wide_ones_say(
    smolvlm_folder: Path, pictures: list[Image.Image], tmp_path: Path, around: bool
) -> None:
    def shrink(path: Path) -> None:
        peers_published.half(path, around=around)

    wide = _stored(smolvlm_folder, tmp_path / "wide", "int8", lambda _: None)
    half = _stored(smolvlm_folder, tmp_path / "half", "fp16", shrink)
    decoder = onnx.load(half / "onnx/decoder_model_merged_fp16.onnx").graph
    kinds = {each.name: each.type.tensor_type.elem_type for each in decoder.input}
    narrow = onnx.TensorProto.FLOAT16
    assert (kinds["past_key_values.0.key"] == narrow) is around
    assert narrow in {each.data_type for each in decoder.initializer}
    found, wanted = (
        _tokens(folder, variant, pictures[:2], "detailed")
        for folder, variant in ((half, "fp16"), (wide, "int8"))
    )
    for one, other in zip(found, wanted, strict=True):
        # further on, texts of random weights part at the least difference
        assert one.tokens[:2] == other.tokens[:2]
        assert one.log_probabilities[:2] == pytest.approx(other.log_probabilities[:2], abs=0.1)
        assert len(one.tokens) == len(other.tokens)


def test_pieces_of_words_become_the_words_of_transformers(
    gpt2_folder: Path, pictures: list[Image.Image], tmp_path: Path
) -> None:
    import transformers as hf

    folder = shutil.copytree(gpt2_folder, tmp_path / "eyes")
    _word_pieces(folder / "tokenizer.json")
    theirs = hf.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    tokens = Tokens(folder / "tokenizer.json")
    ids = tokens.ids("[CLS] a dog runs, sitting on grass. [SEP]")
    assert (
        ids
        == theirs("[CLS] a dog runs, sitting on grass. [SEP]", add_special_tokens=False).input_ids
    )
    words, belongs = tokens.words(ids)
    assert words == ("a", "dog", "runs,", "sitting", "on", "grass.")
    assert [belongs.count(number) for number in range(6)] == [2, 1, 2, 2, 1, 3]
    text = load(folder, 1).caption(pictures[0])
    said = theirs.decode(text.tokens, skip_special_tokens=True)
    assert tokens.text(text.tokens) == said
    assert text.words == tuple(said.split())[: len(text.words)]  # to its last whole sentence
    assert 0 < len(text.words) < len(text.tokens)


def _word_pieces(path: Path) -> None:
    """A tokenizer of pieces of words, with as many tokens as the network has."""
    unknown = "[UNK]"
    pieces = ["[CLS]", "[SEP]", unknown, ".", ",", *WORDS, "sit", "##ting", "run", "##s"]
    pieces += [f"{'' if number % 3 == 0 else '##'}x{number}" for number in range(320 - len(pieces))]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made: Any = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token=unknown))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    made.add_special_tokens(pieces[:3])
    made.save(str(path))
