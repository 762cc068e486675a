"""A tiny translator, trained in seconds: the way from sentences to a bundle and its score."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil

import pytest
import torch
from click.testing import CliRunner

from models.captioning.kinds import numbers
from models.captioning.vocabulary import END, START
from models.networks.translators import make_translator
from models.runtime.bundle import BundleError
from models.translation import Translation, Translator, bundle, survival
from models.translation.pieces import Pieces
from training.__main__ import main
from training.identity import OtherIdentityError
from training.translation import corpus, publish
from training.translation.recipe import Recipe, read
from training.translation.score import survival as survived
from training.translation.train import Training, material

_ENGLISH = [
    "A dog runs.",
    "A cat sleeps on a bench.",
    "Two dogs play with a ball.",
    "A man holds a camera.",
    "A woman reads a book.",
    "The boy eats an apple.",
]
_GERMAN = [
    "Ein Hund läuft.",
    "Eine Katze schläft auf einer Bank.",
    "Zwei Hunde spielen mit einem Ball.",
    "Ein Mann hält eine Kamera.",
    "Eine Frau liest ein Buch.",
    "Der Junge isst einen Apfel.",
]
_TINY = Recipe(
    architecture={
        "network": "transformer",
        "width": 32,
        "inner": 32,
        "heads": 2,
        "layers": 1,
        "decoder_layers": 1,
        "dropout": 0.0,
        "longest": 40,
    },
    source_pieces=90,
    target_pieces=90,
    epochs=40,
    batch_tokens=60,
    own_times=1,
    learning_rate=1e-2,
    ema_decay=0.5,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder in Multi30k's layout."""
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "val"):
        for language, lines in (("en", _ENGLISH), ("de", _GERMAN)):
            with gzip.open(folder / f"{split}.{language}.gz", "wt", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A table of few sentences in place of our own."""
    path = tmp_path_factory.mktemp("own") / "sentences.tsv"
    rows = [("a giraffe", "Eine Giraffe"), ("a pizza", "Eine Pizza")]
    path.write_text("en\tde\n" + "".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory, data, own):
    """A bundle by the way that the command goes."""
    folder = tmp_path_factory.mktemp("made")
    patch = pytest.MonkeyPatch()
    few = corpus.own("de", own)
    patch.setattr(corpus, "own", lambda _language: few)
    publish.build("de", data, folder / "work", folder / "de", _TINY)
    patch.undo()
    return folder / "de"


@pytest.fixture(scope="module")
def translator(made):
    return Translator.load(made)


def _by_torch(folder, sentence):
    """The likeliest words one by one, by torch and the float32 of the stored weights."""
    config, source, target = bundle.read(folder)
    network = make_translator(config.architecture, len(source), len(target)).eval()
    network.load_state_dict(publish.stored(folder))
    pieces, words = Pieces(source), [START]
    tokens = torch.tensor([[*pieces.encode(sentence), END]])
    with torch.inference_mode():
        while words[-1] != END and len(words) < 30:
            words.append(int(network(tokens, torch.tensor([words]))[0, -1].argmax()))
    return Pieces(target).decode(words)


def test_the_runtime_says_what_torch_says_word_for_word(made, translator):
    for english, german in zip(_ENGLISH, _GERMAN, strict=True):
        plain = english.lower().rstrip(".")
        assert translator.translate(plain).text == _by_torch(made, plain) == german.rstrip(".")


def test_step_by_step_is_the_same_as_all_at_once():
    torch.manual_seed(1)
    source, target = torch.randint(4, 20, (3, 5)), torch.randint(4, 20, (3, 6))
    source[1, 3:] = 0  # padding
    for architecture in (_TINY.architecture, {"network": "recurrent", "width": 16}):
        network = make_translator(architecture, 20, 20).eval()
        mask = (source != 0)[:, None, None]
        memory = network.encode(source, mask)
        state, steps = network.begin(memory), []
        for place in range(target.shape[1]):
            scores, state = network.step(
                target[:, place], torch.tensor([place]), memory, state, mask
            )
            steps.append(scores)
        assert torch.allclose(torch.stack(steps, 1), network(source, target), atol=1e-5)


def test_a_full_stop_comes_back_with_the_sentence_that_has_one(translator):
    assert translator.translate("A dog runs.").text == "Ein Hund läuft."
    assert translator.translate("a dog runs").text == "Ein Hund läuft"


@pytest.mark.parametrize("text", ["", "  \n", ".", "☃", "漢字 ☃"])
def test_without_a_known_word_nothing_is_said(translator, text):
    assert translator.translate(text) == Translation("")


@pytest.mark.parametrize("text", ["a dog " * 400, "x" * 3000, "a ☃ dog\truns\x00", "İ ß ﬁ"])
def test_odd_text_is_no_error(translator, text):
    assert isinstance(translator.translate(text).text, str)


def test_the_hypothesis_that_keeps_the_things_wins(made, monkeypatch):
    dog = numbers()["dog"]
    monkeypatch.setattr(survival, "words", lambda _language: {dog: ("no such word",)})
    assert Translator.load(made).translate("a dog runs").missing == {dog}
    likeliest = Translator.load(made).translate("a dog runs").text
    monkeypatch.setattr(
        survival,
        "missing",
        lambda _english, made, _words: frozenset({dog} if made == likeliest else ()),
    )
    second = Translator.load(made).translate("a dog runs")
    assert second.text != likeliest
    assert not second.missing


def _spoilt(name, text):
    def spoil(folder):
        (folder / name).write_text(text, encoding="utf-8")

    return spoil


def _config(**changes):
    def spoil(folder):
        table = json.loads((folder / "config.json").read_text(encoding="utf-8")) | changes
        (folder / "config.json").write_text(json.dumps(table), encoding="utf-8")

    return spoil


def _refit(name, text):
    """Replace a part, and let the config believe in it."""

    def spoil(folder):
        config, _, _ = bundle.read(folder)
        (folder / name).write_text(text, encoding="utf-8")
        config.save(folder)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        *(
            (lambda folder, part=part: (folder / part).unlink(), part)
            for part in ("config.json", *bundle.PARTS)
        ),
        *((_spoilt(part, "x"), part) for part in ("config.json", *bundle.PARTS)),
        (_spoilt("config.json", "[" * 100_000), "config.json"),
        (_config(format=99), "config.json"),
        (_config(beam=10**9), "config.json"),
        (_config(longest=0), "config.json"),
        (_config(length_penalty=1e9), "config.json"),
        (_config(new=1), "config.json"),
        (_refit("encoder.onnx", "x"), "encoder.onnx"),
        (_refit("decoder.onnx", "x"), "decoder.onnx"),
        (_refit("pieces.json", "{}"), "pieces.json"),
        (_refit("pieces.json", '{"source": [], "target": []}'), "pieces.json"),
        (_refit("pieces.json", '{"source": [1], "target": 2}'), "pieces.json"),
    ],
)
def test_a_damaged_translator_names_the_part_and_a_cure(made, tmp_path, spoil, part):
    folder = tmp_path / "de"
    shutil.copytree(made, folder)
    spoil(folder)
    with pytest.raises(BundleError) as error:
        Translator.load(folder)
    assert str(error.value) == (
        f"The translator's {part} is missing or damaged. Install the describer again."
    )


def test_pieces_of_another_translator_end_in_an_error_and_not_in_nonsense(made, tmp_path):
    folder = tmp_path / "de"
    shutil.copytree(made, folder)
    config, source, target = bundle.read(folder)
    bundle.write_pieces([*source, *map(str, range(9000))], target, folder)
    config.save(folder)
    with pytest.raises(BundleError, match="is missing or damaged"):
        Translator.load(folder).translate("8999 dogs")


def test_a_language_without_a_translator():
    with pytest.raises(BundleError, match="There is no translator at"):
        Translator.load("tlh")


class _KilledError(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, data, own, monkeypatch):
    few, _ = corpus.own("de", own)
    recipe = dataclasses.replace(
        _TINY, epochs=3, architecture=_TINY.architecture | {"dropout": 0.1}
    )
    given = material(corpus.pairs(data, "train", "de"), few, recipe)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    whole = Training(recipe, given, tmp_path / "one", checkpoint_every=2).run()
    killed = Training(recipe, given, tmp_path / "two", checkpoint_every=2)
    step = killed._step
    monkeypatch.setattr(
        killed, "_step", lambda *rest: _kill() if killed.state.step == 3 else step(*rest)
    )
    with pytest.raises(_KilledError):
        killed.run()
    again = Training(recipe, given, tmp_path / "two", checkpoint_every=2)
    assert again.state.step == 2
    for name, value in again.run().state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name
    other = dataclasses.replace(recipe, seed=2)
    with pytest.raises(OtherIdentityError, match="seed was 1 and is 2"):
        Training(other, given, tmp_path / "two")


def _kill():
    raise _KilledError


def test_a_second_language_begins_with_the_english_of_the_first(made, tmp_path, data, own):
    few, _ = corpus.own("de", own)
    _, pieces, _ = bundle.read(made)
    given = material(corpus.pairs(data, "train", "de"), few, _TINY, Pieces(pieces))
    begun = Training(_TINY, given, tmp_path, publish.stored(made)).network.state_dict()
    first = publish.stored(made)
    assert torch.equal(begun["source.weight"], first["source.weight"])
    assert not torch.equal(begun["target.weight"], first["target.weight"])


def test_the_command_prints_bleu_with_its_signature(made, data, tmp_path):
    done = CliRunner().invoke(
        main,
        ["translations", str(made), "--source", str(data / "val.en.gz"),
         "--reference", str(data / "val.de.gz"), "--out", str(tmp_path / "out")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "BLEU 100.00  nrefs:1|case:mixed" in done.stdout
    assert "chrF 100.00" in done.stdout
    assert "sentences a second" in done.stdout
    assert (tmp_path / "out").read_text(encoding="utf-8").splitlines() == _GERMAN


def test_the_command_prints_what_survives(made, tmp_path):
    captions = tmp_path / "captions.txt"
    captions.write_text("a dog runs\na man holds a camera\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["translations", str(made), "--survival", str(captions)])
    assert done.exit_code == 0, done.output
    assert "of 2 captions" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give --source and --reference, or --survival"),
        (["--source", "en"], "Give --source and --reference, or --survival"),
        (["--source", "en", "--reference", "de"], "en has 2 lines, de 1"),
    ],
)
def test_the_command_says_what_is_wrong(made, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "en").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "de").write_text("a\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["translations", str(made), *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_survival_counts_captions_that_lose_a_thing():
    dog = numbers()["dog"]

    class Forgetful:
        def translate(self, english):
            return Translation("Ein Tier", frozenset({dog} if "dog" in english else ()))

    found = survived(Forgetful(), ["a dog", "a cat", "a house", "sky"])
    assert (found.captions, found.naming, found.share) == (4, 2, 0.75)
    assert found.lost == (("a dog", "Ein Tier", "dog"),)


def test_data_that_do_not_fit(data, tmp_path):
    with pytest.raises(ValueError, match=r"has no train\.fr\.gz"):
        corpus.pairs(data, "train", "fr")
    (tmp_path / "val.en").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "val.de").write_text("a\n", encoding="utf-8")
    with pytest.raises(ValueError, match="differ in lines"):
        corpus.pairs(tmp_path, "val", "de")


def test_our_own_sentences_are_whole_in_every_language():
    for language in ("de", "fr", "cs"):
        learnt, held = corpus.own(language)
        assert len(held) == (len(learnt) + len(held) + 9) // 10
        for sentence in (*learnt.source, *learnt.target, *held.source, *held.target):
            assert sentence
            assert sentence == sentence.strip()


def test_our_recipe_is_one(tmp_path):
    assert read().architecture["network"] == "transformer"
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("epochs = 'many'", encoding="utf-8")
    with pytest.raises(ValueError, match="epochs cannot be 'many'"):
        read(wrong)
