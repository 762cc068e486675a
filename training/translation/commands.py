"""`python -m training translate` and `translations`: make a translator, and measure one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from models.translation import Translator

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--to", "language", type=click.Choice(["de", "fr", "cs"]), required=True)
@click.option(
    "--data", type=_folder, required=True, help="Folder with train.en.gz, train.de.gz, val.en.gz …"
)
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Folder for the checkpoint."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option(
    "--begin",
    type=_folder,
    help="Bundle of another language: what it knows of English need not be learnt again.",
)
@click.option("--recipe", type=_file, help="A TOML file; by default ours.")
@click.option("--seed", type=int, help="Instead of the recipe's.")
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Instead of the recipe's; 6 do with --begin."
)
@click.option(
    "--checkpoint-every", type=click.IntRange(min=1), default=100, hidden=True, help="In steps."
)
def translate(
    language: str,
    data: Path,
    work: Path,
    out: Path,
    begin: Path | None,
    recipe: Path | None,
    seed: int | None,
    epochs: int | None,
    checkpoint_every: int,
) -> None:
    """Train a translator of captions into one language; goes on when it was killed.

    \b
    About twenty minutes on two cores:
      python -m training translate --to de --data translations --work work/de \\
          --out models/translators/de
    A second language learns faster from the first:
      python -m training translate --to fr --data translations --work work/fr \\
          --out models/translators/fr --begin models/translators/de --epochs 6

    Of the losses a list stays in the work folder; the bundle's card tells the scores.
    """
    import dataclasses

    from training.identity import OtherIdentityError
    from training.translation.publish import build
    from training.translation.recipe import RECIPE, read

    try:
        wanted = read(recipe or RECIPE)
        asked = {"seed": seed, "epochs": epochs}
        changes: dict[str, Any] = {
            name: value for name, value in asked.items() if value is not None
        }
        wanted = dataclasses.replace(wanted, **changes)
        made = build(language, data, work, out, wanted, begin, checkpoint_every)
    except (OtherIdentityError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"BLEU {made.bleu:.1f}, chrF {made.chrf:.1f} on the development split")


@click.command()
@click.argument("bundle", type=_folder)
@click.option("--source", type=_file, help="English sentences, one a line; plain or .gz.")
@click.option("--reference", type=_file, help="Their translations by people; plain or .gz.")
@click.option("--survival", "captions", type=_file, help="English captions, one a line.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the translations here.")
@click.option("--show", is_flag=True, help="Print each caption that loses a thing.")
def translations(
    bundle: Path,
    source: Path | None,
    reference: Path | None,
    captions: Path | None,
    out: Path | None,
    show: bool,
) -> None:
    """Measure a translator: BLEU and chrF, or whether the things in captions survive.

    \b
    python -m training translations models/translators/de \\
        --source val.en.gz --reference val.de.gz
    python -m training translations models/translators/de --survival captions.txt

    BLEU is sacrebleu's with its own tokenisation and capitals; its signature is printed.
    """
    if (source is None) != (reference is None) or source is captions is None:
        raise click.UsageError("Give --source and --reference, or --survival, or all three.")
    from models.runtime.bundle import BundleError
    from models.translation import Translator

    try:
        translator = Translator.load(bundle)
        if source is not None and reference is not None:
            _scored(translator, source, reference, out)
        if captions is not None:
            _survived(translator, captions, show=show)
    except (BundleError, OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error


def _scored(translator: Translator, source: Path, reference: Path, out: Path | None) -> None:
    from training.translation.corpus import lines
    from training.translation.publish import bar
    from training.translation.score import score

    english, people = lines(source), lines(reference)
    if len(english) != len(people):
        raise ValueError(
            f"{source.name} has {len(english)} lines, {reference.name} {len(people)}: "
            "line n must say the same in both."
        )
    made, translated = score(translator, english, people, bar("translating"))
    if out is not None:
        out.write_text("".join(f"{line}\n" for line in translated), encoding="utf-8")
    click.echo(f"BLEU {made.bleu:.2f}  {made.signature}")
    click.echo(f"chrF {made.chrf:.2f}")
    click.echo(f"{made.per_second:.1f} sentences a second")


def _survived(translator: Translator, captions: Path, *, show: bool) -> None:
    from training.translation.corpus import lines
    from training.translation.publish import bar
    from training.translation.score import survival

    found = survival(translator, lines(captions), bar("captions"))
    click.echo(found)
    if show:
        for row in found.lost:
            click.echo("\t".join(row))
