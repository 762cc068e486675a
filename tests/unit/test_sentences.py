"""No sentence of the describer's escapes translation: all are marked for gettext (ADR 0054)."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

DAEMON = Path(__file__).parents[2] / "describer_daemon"
SOURCES = sorted(DAEMON.rglob("*.py"))

# what takes a sentence that is only marked: each translates it itself, or is for programs
TRANSLATES = {
    "_",
    "in_all_languages",
    "in_each_language",
    "OwnedFile",
    "lock",
    "get",
    "named",
    "json_line",
}
MARKS = {"_", "N_", "ngettext", "pgettext"}
# what is said by these is for the log, for programs, or the name of something
UNHEARD_CALLS = {
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "log",
    "add_argument",
    "ArgumentParser",
}
HELP = {"help", "short_help", "epilog", "prompt"}
UNHEARD_KEYWORDS = {"detail", "what", "description"}
# a sentence, or the beginning of a title: "Tell me more"
SPOKEN = re.compile(r"[A-Z«\"{].*\s.*[.?!…]|[A-Z][a-z']+ [a-z].*", re.DOTALL)
WORDS = re.compile(r"[a-z]{2} [a-z{]")
# what a person never hears, and why
UNHEARD = {
    "the utterance was not finished": "a child's words for the log",
    "Orca refused the message": "for the log",
    "Orca does not tell {}": "for the log",
    "Python has no Unix sockets on Windows: see named_pipe": "an assertion",
}
# files, in which the words stand that a format wants
FORMATS = re.compile(r"<rdf:|\[Unit\]|bindsym|wayland \{\}")


def called(node: ast.AST) -> str:
    """The name of the function, "" where it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def error_names(trees: list[ast.Module]) -> set[str]:
    """DescriberError and whatever is derived from it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names, before = {"DescriberError"}, 0
    while len(names) > before:
        before = len(names)
        names |= {
            one.name
            for one in classes
            if names & {getattr(base, "id", getattr(base, "attr", "")) for base in one.bases}
        }
    return names


def text_of(node: ast.AST) -> str | None:
    """What a literal says, with {} for values; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return None


def around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(the part, what it is part of) up to the whole statement."""
    while (parent := parents.get(node)) is not None and not isinstance(node, ast.stmt):
        yield node, parent
        node = parent


def is_unheard(steps: list[tuple[ast.AST, ast.AST]], protocol: bool) -> bool:
    """Whether the log or a program gets it, going by what it is part of."""
    return any(
        called(whole) in UNHEARD_CALLS
        or (protocol and called(whole) == "RefusedError")
        or (isinstance(part, ast.keyword) and part.arg in UNHEARD_KEYWORDS)
        or (isinstance(whole, ast.Dict) and part in whole.keys)
        for part, whole in steps
    )


def escapes(
    source: str, errors: set[str], all_marked: Collection[str] = (), protocol: bool = False
) -> list[str]:
    """What is said in English only; `protocol`: errors named RefusedError are a protocol's."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        text = text_of(node)
        if text is None or isinstance(parents[node], ast.Expr | ast.JoinedStr | ast.FormattedValue):
            continue  # docstrings, and parts of what is looked at as a whole
        steps = list(around(node, parents))
        if any(called(whole) in MARKS for _, whole in steps):
            if isinstance(node, ast.JoinedStr):
                found.append(f"{node.lineno}: no f-string can be translated: {text}")
            continue
        if text in UNHEARD or FORMATS.match(text) or is_unheard(steps, protocol):
            continue
        calls = ((part, whole) for part, whole in steps if isinstance(whole, ast.Call))
        argument, call = next(calls, (node, None))
        is_said = call is not None and called(call) in errors and argument in call.args[:1]
        is_help = any(
            isinstance(part, ast.keyword) and part.arg in HELP and part.value is node
            for part, _ in steps
        )
        is_returned = any(isinstance(whole, ast.Return) for _, whole in steps)
        if (
            ((is_said or is_help) and re.search(r"[A-Za-z]{2}", text))
            or SPOKEN.fullmatch(text)
            or (is_returned and WORDS.search(text))
        ):
            found.append(f"{node.lineno}: not marked: {text}")
    return found + hidden_marks(tree) + forgotten_marks(tree, all_marked) + untold_help(tree)


def untold_help(tree: ast.Module) -> list[str]:
    """Commands whose help is their docstring, of which gettext knows nothing."""
    return [
        f"{function.lineno}: the help of {function.name} is a docstring"
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and ast.get_docstring(function)
        for decorator in function.decorator_list
        if called(decorator) in ("command", "group")
        and isinstance(decorator, ast.Call)
        and not any(keyword.arg == "help" for keyword in decorator.keywords)
    ]


def marked(tree: ast.Module) -> set[str]:
    """The constants that `N_` marks."""
    return {
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign) and called(node.value) == "N_"
        for name in node.targets
        if isinstance(name, ast.Name)
    }


def forgotten_marks(tree: ast.Module, all_marked: Collection[str]) -> list[str]:
    """Constants that `N_` marked, and that functions hand on as they are.

    `all_marked` are those of all modules: "phrasing.COPIED".
    """
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    imported = {
        name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
        if f"{node.module.rpartition('.')[2]}.{name.name}" in all_marked
    }
    own = marked(tree) | imported
    found = []
    for node in ast.walk(tree):
        is_own = isinstance(node, ast.Name) and node.id in own
        if not is_own and not (isinstance(node, ast.Attribute) and ast.unparse(node) in all_marked):
            continue
        steps = list(around(node, parents))
        calls = [called(whole) for _, whole in steps if isinstance(whole, ast.Call)]
        is_handed_on = calls or isinstance(steps[-1][1], ast.Return | ast.Compare)
        inside = any(isinstance(one, ast.FunctionDef) for one in above(node, parents))
        if inside and is_handed_on and not TRANSLATES.intersection(calls):
            found.append(f"{node.lineno}: marked, but not translated: {ast.unparse(node)}")
    return found


def above(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    """All that it is part of."""
    while (parent := parents.get(node)) is not None:
        yield parent
        node = parent


def hidden_marks(tree: ast.Module) -> list[str]:
    """Functions that call `_` and have something else under that name."""
    return [
        f"{function.lineno}: _ is a variable in {function.name}"
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(called(node) == "_" for node in ast.walk(function))
        and any(
            (isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store))
            or (isinstance(node, ast.arg) and node.arg == "_")
            for node in ast.walk(function)
        )
    ]


def test_every_sentence_can_be_translated() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    errors = error_names(list(trees.values()))
    constants = {f"{path.stem}.{name}" for path, tree in trees.items() for name in marked(tree)}
    assert len(errors) > 10  # else they are not found any more
    assert len(constants) > 50
    found = [
        f"{path.relative_to(DAEMON)}:{one}"
        for path, text in texts.items()
        for one in escapes(text, errors, constants, protocol="serving" in path.parts)
    ]
    assert found == []


def test_what_is_wrong_with_a_bundle_can_be_translated() -> None:
    """`models` knows no language: its errors carry a pattern, which the extraction has to see."""
    calls = [
        (path, node)
        for path in sorted((DAEMON.parent / "models").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and called(node) == "BundleError"
    ]
    assert len(calls) > 5
    hidden = [
        f"{path.name}:{call.lineno}"
        for path, call in calls
        if not (call.args and isinstance(call.args[0], ast.Constant))
    ]
    assert hidden == []


@pytest.mark.parametrize(
    "planted",
    [
        'raise DescriberError("gone")',
        'raise DescriberError(f"{name} is gone.")',
        'raise DescriberError("It is gone. " + cure)',
        'raise GoneError("gone" if gone else reason)',
        'raise DescriberError(_(f"{name} is gone."))',
        'GONE = "It is gone. Please try again."',
        'TITLES = {Verb.SCREEN: "Describe the screen"}',
        'def reason():\n    return "the program is missing"',
        'def reason():\n    return f"{name}: the program is missing" if name else ""',
        'say("That was all.")',
        'notify("The describer could not speak", text)',
        'item("Where it is exactly", act)',
        'def tell(line):\n    word, _, rest = line\n    say(_("That was all."))',
        'def tell(*_):\n    say(_("That was all."))',
        'GONE = N_("It is gone.")\ndef tell():\n    raise DescriberError(GONE)',
        'GONE = N_("It is gone.")\ndef tell():\n    return GONE',
        "def tell():\n    return Failed(memory.TOO_MUCH)",
        '@click.command()\ndef tell():\n    """Tell it."""',
        '@click.option("--name", help="its name")\ndef tell(name): ...',
        "from memory import TOO_MUCH\ndef tell():\n    return Failed(TOO_MUCH)",
    ],
)
def test_one_that_is_not_is_found(planted: str) -> None:
    known = error_names([ast.parse("class GoneError(DescriberError): ...")])
    assert len(escapes(planted, known, {"memory.TOO_MUCH"})) == 1


@pytest.mark.parametrize(
    "fine",
    [
        'raise DescriberError(_("It is gone."), detail="The bus does not answer.")',
        'raise DescriberError(_("{name} is gone.").format(name="it"))',
        "raise DescriberError(_(_GONE))",
        'GONE = N_("It is gone.")',
        'log.info("The display is gone.")',
        'say(ngettext("One is gone.", "Some are gone.", 2))',
        'say(pgettext("key", "It is gone."))',
        '"""A docstring says what it is."""',
        'def key():\n    return {"hotkeys by": name}',
        'GONE = N_("It is gone.")\ndef tell():\n    return _(GONE if gone else HERE)',
        'GONE = N_("It is gone.")\ndef tell():\n    words = GONE\n    return _(words)',
    ],
)
def test_what_is_translated_or_never_heard_is_not(fine: str) -> None:
    assert escapes(fine, {"DescriberError"}) == []
