"""Many flow files into the library at once: one bad file does not stop the rest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import BadInput, FlowInvalid, Problem, SluiceError, UnknownName
from core.flow.formats.native import content_hash, parse
from core.flow.formats.text import MAX_BYTES
from core.flow.layout import FindStrategy
from core.flow.nodes import SLUG, Flow
from core.flow.references import references
from core.flow.validate import validate

if TYPE_CHECKING:
    from core.db.strategies import Strategies
    from core.library.flows import Flows

MAX_FILES = 50_000
MAX_UNPACKED = 2_000_000_000
"""Bytes that all files of a zip have together, unpacked."""

Content = Callable[[], bytes]
"""Reads a file when it is its turn; raises BadInput if it cannot be read."""
Read = Callable[[bytes, str], Flow]
"""Makes a flow of a file's content and name; raises BadInput if it is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    ``slug``      the strategy it is now, or was already (``present``); None if it was refused
    ``problems``  warnings about its flow, or why it was refused: its errors
    """

    file: str
    slug: str | None = None
    name: str = ""
    present: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> bool:
        return self.slug is None

    def __str__(self) -> str:
        if self.slug is None:
            more = f" ({len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
            return f"{self.file}: not imported. {self.problems[0]}{more}"
        state = "already in the library" if self.present else "imported"
        return f"{self.file}: {state} as '{self.slug}'."


class Intake:
    """Takes files into a user's library, in an order in which what a flow refers to comes first.

    A reference means the library's strategy of that short name, or else the file ``<name>.json``
    (whatever its ending) among those taken in. A flow equal to some strategy's head is not stored
    again, so that taking the same folder in twice changes nothing.
    """

    def __init__(
        self, user_id: UUID, strategies: Strategies, flows: Flows, *, read: Read = parse
    ) -> None:
        self._user_id, self._strategies, self._flows = user_id, strategies, flows
        self._read = read

    def take(self, files: Iterable[tuple[str, Content]]) -> Iterator[Outcome]:
        """Import each file, a name and its content; what became of it, as soon as it is known."""
        waiting: dict[str, tuple[str, Flow]] = {}
        for file, content in files:
            try:
                flow = self._read(content(), file)
            except SluiceError as err:
                yield _refused(file, err)
                continue
            stem = PurePosixPath(file).stem
            key = stem if SLUG.fullmatch(stem) and stem not in waiting else file
            waiting[key] = (file, flow)
        while waiting:
            ready = [k for k, (_, flow) in waiting.items() if not self._waits(k, flow, waiting)]
            # None is ready where flows refer to each other in a circle: validation says so.
            for key in ready or list(waiting):
                file, flow = waiting[key]
                yield self._store(file, key, flow, waiting)
            for key in ready or list(waiting):
                del waiting[key]

    def _waits(self, key: str, flow: Flow, waiting: dict[str, tuple[str, Flow]]) -> bool:
        return any(slug in waiting and slug != key for slug in references(flow))

    def _store(
        self, file: str, key: str, flow: Flow, waiting: dict[str, tuple[str, Flow]]
    ) -> Outcome:
        try:
            problems = validate(self._flows.filled(flow), self._finder(waiting))
            if any(p.severity == "error" for p in problems):
                raise FlowInvalid(problems, file)
            there = self._strategies.with_head(self._user_id, content_hash(flow))
            if there is not None:
                return Outcome(file, there.slug, there.name, present=True, problems=problems)
            made = self._create(key, flow)
        except SluiceError as err:
            return _refused(file, err)
        return Outcome(file, made, flow.name, problems=problems)

    def _create(self, key: str, flow: Flow) -> str:
        """A new strategy under the file's name, if that is a short name and free."""
        create = partial(self._strategies.create, self._user_id, flow, label="Imported")
        if not SLUG.fullmatch(key):
            return create().slug
        try:
            self._strategies.get(self._user_id, key)
        except UnknownName:
            return create(slug=key).slug
        return create().slug

    def _finder(self, waiting: dict[str, tuple[str, Flow]]) -> FindStrategy:
        def find(slug: str) -> Flow:
            try:
                return self._flows.find(slug)
            except UnknownName:
                if slug not in waiting:
                    raise
                return self._flows.filled(waiting[slug][1])

        return find


def _refused(file: str, err: SluiceError) -> Outcome:
    if isinstance(err, FlowInvalid):
        problems = sorted(err.problems, key=lambda p: p.severity != "error")
        return Outcome(file, problems=tuple(problems))
    if isinstance(err, BadInput):
        return Outcome(file, problems=(Problem(err.field, err.message, err.fix),))
    raise err  # the library itself is not well: going on would refuse every file for it


def flows_in_zip(content: bytes, name: str) -> Sequence[tuple[str, Content]]:
    """The JSON files of a zip, by their path in it; each is unpacked when it is its turn.

    Raises BadInput for what is no zip, or one too large to be of flows.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as err:
        raise BadInput(name, f"not a zip: {err}.", "Choose a zip of JSON files.") from None
    members = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(".json")
        and not PurePosixPath(member.filename).name.startswith(".")
        and "__MACOSX" not in member.filename
    ]
    if not members:
        raise BadInput(name, "there is no JSON file in it.", "Choose a zip of flow files.")
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or unpacked > MAX_UNPACKED:
        raise BadInput(
            name, f"{len(members):,} files of {unpacked:,} bytes.",
            f"At most {MAX_FILES:,} files of {MAX_UNPACKED:,} bytes together.",
        )  # fmt: skip
    return [(member.filename, partial(_unpacked, archive, member)) for member in members]


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's content; what it says of its size is not believed."""
    try:
        with archive.open(member) as file:
            content = file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as err:
        raise BadInput(member.filename, f"cannot be unpacked: {err}.", "Pack it again.") from None
    return content  # one that is too long is refused by its reader
