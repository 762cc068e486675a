"""MS COCO captions, and the split files of Karpathy that most papers score on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from training.data.annotations import Annotations, files, first_there, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_YEARS = ("2017", "2014")  # the same pictures under other names: never both
_SPLIT_FILES = (
    "dataset_coco.json",
    "dataset_flickr30k.json",
    "dataset_flickr8k.json",
    "dataset.json",
)
_FOLDERS = (
    "Images",
    "images",
    "Flicker8k_Dataset",
    "flickr30k-images",
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
)


def coco_sign(root: Path) -> Path | None:
    return first_there(root, (f"annotations/captions_train{year}.json" for year in _YEARS))


def read_coco(root: Path) -> Annotations:
    """`annotations/captions_{train,val}YEAR.json` and the folders `trainYEAR/` and `valYEAR/`.

    2017, or where that is missing 2014 (Chen et al. 2015, "Microsoft COCO Captions"). `val` is
    development. The pictures of the test set have no captions and are not looked at.
    """
    sign = coco_sign(root)
    if sign is None:
        raise FileNotFoundError(f"{root} holds no annotations/captions_train2017.json (or 2014)")
    year = sign.stem[-4:]
    captions: dict[str, list[str]] = defaultdict(list)
    pictures: dict[str, Path] = {}
    development: set[str] = set()
    problems: list[str] = []
    for split in ("train", "val"):
        path = root / "annotations" / f"captions_{split}{year}.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: COCO has it beside {sign.name}")
        captions_of_split = _coco_captions(path, problems)
        if split == "val":
            development.update(captions_of_split)
        captions |= captions_of_split
        folder = first_there(root, (f"{split}{year}", f"images/{split}{year}"))
        pictures |= files(folder or root / f"{split}{year}", "COCO's")
    return Annotations(captions, pictures, development, problems=problems)


def _coco_captions(path: Path, problems: list[str]) -> dict[str, list[str]]:
    table = read_json(path)
    try:
        names = {image["id"]: str(image["file_name"]) for image in table["images"]}
        captions: dict[str, list[str]] = {name: [] for name in names.values()}
        for each in table["annotations"]:
            if each["image_id"] in names:
                captions[names[each["image_id"]]].append(str(each["caption"]))
            else:
                problems.append(
                    f"{path.name}: caption of picture {each['image_id']}, which is not in its list"
                )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} has not the form of COCO's captions: {error!r}") from error
    return captions


def karpathy_sign(root: Path) -> Path | None:
    return first_there(root, _SPLIT_FILES)


def read_karpathy(root: Path) -> Annotations:
    """`dataset_{coco,flickr30k,flickr8k}.json` (Karpathy and Fei-Fei 2015) and the pictures.

    `train` and `restval` are trained on, `val` is development, `test` is held out and not read.
    The pictures are in the folder that the file names, else in one of the usual ones.
    """
    path = karpathy_sign(root)
    if path is None:
        raise FileNotFoundError(f"{root} holds none of {', '.join(_SPLIT_FILES)}")
    captions: dict[str, list[str]] = {}
    names: dict[str, set[str]] = {"train": set(), "restval": set(), "val": set(), "test": set()}
    folders: set[str] = set()
    try:
        for image in read_json(path)["images"]:
            name, split = str(image["filename"]), str(image["split"])
            if split not in names:
                raise ValueError(
                    f"{path}: {name} is of split {split}, which is none of {', '.join(names)}"
                )
            names[split].add(name)
            folders.add(str(image.get("filepath", "")))
            if split != "test":
                captions[name] = [_sentence(each) for each in image["sentences"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} has not the form of a split file: {error!r}") from error
    return Annotations(captions, _pictures(root, folders), names["val"], names["test"])


def _sentence(sentence: dict[str, Any]) -> str:
    return str(sentence["raw"]) if "raw" in sentence else " ".join(sentence["tokens"])


def _pictures(root: Path, folders: Iterable[str]) -> dict[str, Path]:
    pictures: dict[str, Path] = {}
    for name in sorted(folders):
        within = (name, f"images/{name}") if name else _FOLDERS
        pictures |= files(first_there(root, within) or root / within[0], "the split file's")
    return pictures
