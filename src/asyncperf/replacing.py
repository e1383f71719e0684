"""Files that are replaced whole or not at all, whenever a person or a full disk stops us."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

# Where there is no room for another file there is none for the text either, and what is there
# would be lost.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def replace_file(file: Path, text: str) -> None:
    """Write it beside, then put it in its place; a link stays one, and permissions stay. What is
    no regular file (a pipe, `/dev/stdout`), and what cannot be replaced (in a folder that takes
    no new files, or mounted by itself), is written where it is. Raises `OSError`."""
    target = Path(os.path.realpath(file))
    if os.path.exists(target) and not os.path.isfile(target):
        target.write_text(text, encoding="utf-8")
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _put(part, target, text)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        target.write_text(text, encoding="utf-8")


def _put(part: Path, target: Path, text: str) -> None:
    with open(part, "x", encoding="utf-8") as opened:
        try:
            opened.write(text)
            opened.flush()
            if os.path.exists(target):
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
