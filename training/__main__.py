"""`python -m training`: train a recipe, score a bundle, write a bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training import running
from training.data import commands as data_commands
from training.evaluation import commands as evaluation
from training.trainer.recipe import member_path
from training.trainer.recipe_files import find_recipe
from training.translation import commands as translation

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.trainer.train import Trainer

_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_everyday = click.option(
    "--everyday",
    type=_folder,
    help="Folder of everyday pictures: captions.csv, objects.csv (which kinds of thing are on "
    "them), detections.csv.gz and text.txt.gz.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train, measure and export captioners for the describer.

    \b
    From pictures to a bundle in one command (about two hours on two cores):
      python -m training build everyday --data flickr8k --everyday coco --weights weights \\
          --work work --out models/bundles/everyday
    Killed at any moment, the same command goes on where it was.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--work",
            type=click.Path(path_type=Path),
            required=True,
            help="Folder for caches, checkpoints and scores.",
        ),
        click.option("--weights", type=_folder, help="Folder of the starting weights."),
        click.option("--unlabelled", type=_folder, help="Folder of pictures without captions."),
        _everyday,
        click.option("--data", type=_folder, required=True, help="Folder of the data set."),
        click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures."),
        click.option(
            "--processes",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Processes on this machine that share every batch.",
        ),
        click.option(
            "--checkpoint-every",
            type=click.IntRange(min=1),
            default=100,
            hidden=True,
            help="Steps between checkpoints.",
        ),
        click.argument("recipe"),
    ):
        command = option(command)
    return command


@main.command()
@_options
def train(processes: int, **options: Any) -> None:
    """Train RECIPE (a name in training/recipes or a path); goes on when it was killed.

    The work folder gets losses.csv, scores.jsonl, loss.png, scores.png and tensorboard/. DATA may
    be a folder of shards, which is read as a stream. On several machines, start on each
    `torchrun --nnodes … --nproc-per-node … -m training train …` (see README).
    """
    if processes > 1:
        running.read(options["recipe"])  # a mistake in it is told once, not by every process
        running.launch(processes=processes, **options)
    else:
        running.train(**options)


@main.command()
@_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
def build(out: Path, processes: int, **options: Any) -> None:
    """Train RECIPE, then calibrate, export and score the bundle.

    Of a recipe with members these are trained one after the other, each in a folder of its own
    in the work folder, and joined; its own stages are trained in one process.
    """
    from training.release.publish import member, publish

    def trained(**options: Any) -> Trainer:
        if processes > 1:
            running.launch(processes=processes, **options)
        return running.train(**options)

    recipe = running.read(options["recipe"])
    if not recipe.members:
        publish(trained(**options), out, options["weights"], options["unlabelled"])
        return
    work: Path = options["work"]
    joining = find_recipe(options["recipe"])
    members = []
    for number, each in enumerate(recipe.members, 1):
        own = options | {
            "recipe": str(member_path(each, joining)),
            "work": work / f"{number}_{Path(each.recipe).stem}",
        }
        click.echo(f"member {number} of {len(recipe.members)}: {each.recipe}")
        members.append(member(trained(**own)))
    trainer = running.joined(
        recipe,
        members,
        options["data"],
        work / "joined",
        options["limit"],
        options["checkpoint_every"],
    )
    publish(trainer, out, options["weights"], options["unlabelled"], members)


@main.command()
@click.argument("recipe")
@click.argument("bundle", type=_folder)
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--unlabelled", type=_folder, help="Folder of pictures without captions.")
@click.option("--weights", type=_folder, help="Folder of the starting weights.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for caches.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@_everyday
@click.option(
    "--beside",
    type=_folder,
    multiple=True,
    help="A bundle of the same recipe with another seed: the card tells the spread of "
    "the scores. May be given several times.",
)
def renew(
    recipe: str,
    bundle: Path,
    data: Path,
    unlabelled: Path | None,
    weights: Path | None,
    work: Path,
    out: Path,
    everyday: Path | None,
    beside: tuple[Path, ...],
) -> None:
    """Write BUNDLE anew from its own weights, without training.

    After a change of RECIPE's search, of the graphs, the memory or the confidence: all of these
    are made, calibrated and scored again. About seven minutes on two cores.
    """
    from training.release.publish import renew as again

    try:
        again(running.read(recipe), bundle, data, work, out, weights, unlabelled, beside, everyday)
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error


@main.command()
@click.argument("recipe")
@click.argument("members", type=_folder, nargs=-1, required=True)
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--unlabelled", type=_folder, help="Folder of pictures without captions.")
@click.option("--weights", type=_folder, help="Folder of the starting weights.")
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for caches.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option("--seed", type=int, help="For its own stages, instead of the recipe's.")
def join(
    recipe: str,
    members: tuple[Path, ...],
    data: Path,
    unlabelled: Path | None,
    weights: Path | None,
    work: Path,
    out: Path,
    seed: int | None,
) -> None:
    """Join the bundles MEMBERS by RECIPE, and train its own stages.

    For members that were trained already, on several machines, say: in the recipe's order.
    """
    from training.release.publish import member_of, publish

    try:
        trained = [member_of(each) for each in members]
    except (ValueError, FileNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    wanted = running.read(recipe)
    if seed is not None:
        wanted = dataclasses.replace(wanted, seed=seed)
    trainer = running.joined(wanted, trained, data, work)
    publish(trainer, out, weights, unlabelled, trained)


@main.command()
@click.option("--data", type=_folder, required=True, help="Folder of the data set (Flickr8k).")
@click.option("--unlabelled", type=_folder, help="Folder of further photographs.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for composed screens and checkpoints.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option(
    "--screens",
    type=click.IntRange(min=8),
    default=3000,
    show_default=True,
    help="How many screens to compose (4 MB each).",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=2400,
    show_default=True,
    help="Steps in which the rate rises and falls once.",
)
@click.option("--cycles", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def finder(
    data: Path,
    unlabelled: Path | None,
    work: Path,
    out: Path,
    screens: int,
    steps: int,
    cycles: int,
    seed: int,
) -> None:
    """Compose screens and train the picture finder; goes on when it was killed.

    About half an hour on two cores:

    \b
    python -m training finder --data flickr8k --unlabelled coco --work work \\
        --out models/bundles/finder
    """
    running.keep_memory()
    from models.runtime.engines.onnx import processors
    from training.data.datasets import load, load_unlabelled
    from training.finder.publish import build as build_finder

    photographs = [example.path for example in load(data).train]
    if unlabelled is not None:
        photographs += [example.path for part in load_unlabelled(unlabelled) for example in part]
    try:
        scores = build_finder(
            photographs,
            work,
            out,
            screens=screens,
            steps=steps,
            cycles=cycles,
            seed=seed,
            workers=processors(),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for name, value in scores.items():
        click.echo(f"{name:36s}{value:8g}")


@main.command()
@click.option(
    "--data",
    type=_folder,
    required=True,
    multiple=True,
    help="Folder of photographs. May be given several times.",
)
@click.option(
    "--drawings",
    type=_folder,
    required=True,
    help="Folder of cut-out drawings by subject: Debian's openclipart-png, unpacked.",
)
@click.option(
    "--art",
    type=_folder,
    required=True,
    multiple=True,
    help="Folder of paintings, maps and icons: Debian packages, unpacked. May be given again.",
)
@click.option(
    "--truth",
    type=_folder,
    help="Folder of real screens with a truth.json, on which the limit is chosen.",
)
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder for caches.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The head's folder.")
@click.option(
    "--pictures",
    type=click.IntRange(min=100),
    default=1500,
    show_default=True,
    help="Pictures that are composed to teach it.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def medium(
    data: tuple[Path, ...],
    drawings: Path,
    art: tuple[Path, ...],
    truth: Path | None,
    work: Path,
    out: Path,
    pictures: int,
    seed: int,
) -> None:
    """Teach photographs from artwork, charts, maps and icons, on what the encoder that ships tells.

    Goes on when it was killed. About five minutes on one core; must be done again for another
    encoder. scripts/art.sh unpacks the drawings and the art from Debian's packages:

    \b
    scripts/art.sh art
    python -m training medium --data coco/Images --data flickr8k/Images \\
        --drawings art/openclipart --art art/games --art art/icons \\
        --truth SCREENS --work work --out models/bundles/medium
    """
    from training.data.datasets import load_unlabelled
    from training.finder.medium import build as build_medium
    from training.finder.sources import real_crops, sources

    photographs = [
        example.path for folder in data for part in load_unlabelled(folder) for example in part
    ]
    try:
        scores = build_medium(
            sources(photographs, drawings, art),
            work,
            out,
            count=pictures,
            seed=seed,
            crops=real_crops(truth) if truth else (),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    for name, value in scores.items():
        click.echo(f"{name:36s}{value:8g}")


@main.command()
@click.option("--data", type=_folder, required=True, help="Folder of the data set.")
@click.option("--weights", type=_folder, required=True, help="Folder of the starting weights.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for caches, trainings and the table.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="The most epochs of a recipe's stage that are run; 0: as many as it says.",
)
@click.option("--rows", help="Recipes, separated by commas; the ancestors and ours by default.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures.")
@click.option(
    "--own-encoders",
    is_flag=True,
    help="Run the recipes on their own encoders' ImageNet weights, if they can be had.",
)
def table(
    data: Path,
    weights: Path,
    work: Path,
    epochs: int,
    rows: str | None,
    limit: int | None,
    own_encoders: bool,
) -> None:
    """Train the ancestors' recipes and ours on the same features; print them side by side.

    Killed at any moment, the same command goes on. The work folder gets table.md, table.json,
    table.png and losses.png. About 35 minutes on two cores.
    """
    running.table(data, weights, work, epochs, rows, limit, own_encoders)


for _command in (
    data_commands.prepare,
    data_commands.shards,
    data_commands.pack,
    evaluation.evaluate,
    evaluation.honesty,
    evaluation.heatmap,
    evaluation.compare,
    translation.translate,
    translation.translations,
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
