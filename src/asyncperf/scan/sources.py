"""Finds a project's Python files and parses them; what cannot be read is a `Problem`.

Nothing is imported or executed. For `scan` only.
"""

import ast
import hashlib
import os
import re
import stat
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from asyncperf.scan.last_used import LastUsed
from asyncperf.scan.newer_strings import in_older_strings, with_strings
from asyncperf.scan.newer_syntax import in_older_words
from asyncperf.sites import Problem

# A larger file is generated: nobody wrote its awaits, and it would take the time of a project.
MAX_FILE_BYTES = 2_000_000
# So many lines of text are kept, of which some are parsed again: about 10 MB.
MAX_LINES_OF_TEXT = 100_000

# Not the project's own source: environments, caches, packages of other languages, builds.
SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "venv", "env", "virtualenv", "build", "dist"}
)

# A name after a dot that is not called there, and one that ends a text: `jobs.sweep`,
# `"app.jobs:sweep"`. Imports and lists of what a module passes on point at nothing.
POINTED_AT = re.compile(r"""\.([^\W\d]\w*)\b(?!\()|["'](?:[\w.]*[.:])?([^\W\d]\w*)["']""")
CALLED_ON = re.compile(r"\b(\w+\.[^\W\d]\w*)\(")
PASSING_ON = re.compile(r"^(?:__all__\b[^\]]*\]|[ \t]*(?:from|import)[ \t].*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """One file as read: `file` is relative to the root, with `/`."""

    file: str
    text: str
    lines: int


def find_files(
    paths: Iterable[Path],
    root: Path,
    exclude: Sequence[str] = (),
    trouble: Callable[[OSError], None] = lambda error: None,
) -> Iterator[Path]:
    """Python files under `paths`, each once, in a stable order; without those that a pattern of
    `exclude` matches, from the root or from any folder on, or whose folder it matches. A folder
    that cannot be listed is passed over, and `trouble` told; a link to a folder is not followed."""
    seen: set[Path] = set()
    for path in paths:
        for file in [path] if os.path.isfile(path) else _walk(path, trouble):
            if file not in seen and not is_excluded(relative(file, root), exclude):
                seen.add(file)
                yield file


def pointed_at(text: str) -> set[str]:
    """The names that a file gives away without calling what they mean; those that it calls with
    the name before the dot, `jobs.sweep`, which may be that of a module."""
    text = PASSING_ON.sub("", text)
    named = {after or ending for after, ending in POINTED_AT.findall(text)}
    return named | set(CALLED_ON.findall(text))


def links_among(files: Sequence[Path]) -> dict[Path, Path]:
    """Those that are links to a file which is among them itself, or which another one links to
    before; each with the one that is to be read in its place."""
    linking = [file for file in files if file.is_symlink()]
    if not linking:
        return {}
    links = set(linking)
    read = {Path(os.path.realpath(file)): file for file in files if file not in links}
    found = {}
    for file in linking:
        first = read.setdefault(Path(os.path.realpath(file)), file)
        if first is not file:
            found[file] = first
    return found


def fingerprints(
    paths: Iterable[Path], root: Path, exclude: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Each file that a scan of `paths` reads, with what tells one content from another."""
    files = list(find_files(paths, root, exclude))
    links = links_among(files)
    for path in files:
        try:
            if path in links:
                content = f"link to {links[path]}"
            else:
                content = unreadable(path) or hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            content = f"cannot be read: {error.strerror or error}"
        yield relative(path, root), content


def unreadable(path: Path) -> str | None:
    """Why a file is not to be opened at all, if so."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        return "not read: no regular file"  # reading a pipe would never end
    if path.suffix == ".ipynb":
        return "not read: a notebook, whose cells stand in JSON"
    if about.st_size > MAX_FILE_BYTES:
        return f"not read: {about.st_size:,} bytes, so probably generated"
    return None


def is_excluded(file: str, exclude: Sequence[str]) -> bool:
    """Whether a pattern matches it, from the root or from any folder on, or a folder of it."""
    return any(
        fnmatchcase(whole, form)
        for pattern in exclude
        for form in (pattern.rstrip("/"), f"*/{pattern.rstrip('/')}")
        for whole in wholes(file)
    )


def wholes(file: str) -> list[str]:
    """It and the folders that it lies in."""
    return [file, *map(str, PurePosixPath(file).parents)]


def _walk(folder: Path, trouble: Callable[[OSError], None]) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=trouble):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(parent), name))
        for name in sorted(files):
            if name.endswith(".py"):
                yield Path(parent, name)


def _is_skipped(parent: Path, name: str) -> bool:
    # `os.path.exists` is False for what may not be seen, where that of `Path` raises.
    if name.startswith(".") or name in SKIPPED_FOLDERS:
        # A package of the project may be called `env` or `build`; an environment is none.
        return name.startswith(".") or not os.path.exists(parent / name / "__init__.py")
    return os.path.exists(parent / name / "pyvenv.cfg")


def read(path: Path, root: Path) -> Source | Problem:
    """The text of one file in the encoding that it declares."""
    file = relative(path, root)
    try:
        if why_not := unreadable(path):
            return Problem(file, None, why_not)
        with tokenize.open(path) as opened:
            text = opened.read()
    except OSError as error:
        return Problem(file, None, f"cannot be read: {error.strerror or error}")
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return Problem(file, None, f"unknown encoding: {error}")
    return Source(file, text, text.count("\n") + 1)


def relative(path: Path, root: Path) -> str:
    """`path` as seen from `root`, with `/`; unchanged where it lies elsewhere."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def parse(source: Source) -> ast.Module | Problem:
    """The syntax tree of one file."""
    try:
        return _parsed(source)
    except SyntaxError as error:
        python = "Python {}.{}".format(*sys.version_info)
        return Problem(source.file, error.lineno, f"syntax error for {python}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(source.file, None, f"cannot be parsed: {error or type(error).__name__}")


class Excerpts:
    """Lines of the files that were asked for last."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: LastUsed[str, list[str]] = LastUsed(MAX_LINES_OF_TEXT)

    def __call__(self, file: str, first: int, last: int) -> ast.Module | None:
        """The tree of these lines alone, with the places that they have in the file; None where
        they cannot be parsed by themselves."""
        lines = self._lines_of(file)[first - 1 : last]
        if not lines:
            return None
        # What is indented needs something around it.
        indented = lines[0][:1].isspace()
        above = "\n" * (first - 2) + "if 1:\n" if indented else "\n" * (first - 1)
        try:
            return ast.parse(above + "\n".join(lines), file)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def _lines_of(self, file: str) -> list[str]:
        kept = self._kept.get(file)
        if kept is None:
            source = read(self._root / file, self._root)
            kept = [] if isinstance(source, Problem) else source.text.split("\n")
            self._kept.keep(file, kept, len(kept))
        return kept


def _parsed(source: Source) -> ast.Module:
    try:
        return ast.parse(source.text, source.file)
    except SyntaxError:  # it may be written for a newer Python than the one that reads it
        text, strings = in_older_strings(source.text)
        older = in_older_words(text)
        if older == source.text:
            raise
        return with_strings(ast.parse(older, source.file), strings)
