"""What takes a lot of memory, the last of it that was used. For `scan` only."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LastUsed(Generic[Key, Value]):
    """Values made of so many lines of source, at most `most` together, or a single one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lines = 0

    def get(self, key: Key) -> Value | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def keep(self, key: Key, value: Value, lines: int) -> None:
        """One that is not kept already."""
        self._kept[key] = (value, lines)
        self._lines += lines
        self.make_room(self._most)

    def make_room(self, most: int) -> None:
        """Give up what was not used for longest, from now on beyond so many lines."""
        self._most = most
        while self._lines > most and len(self._kept) > 1:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._lines -= dropped
