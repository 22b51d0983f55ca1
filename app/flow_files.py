"""Flows in files, as the command line names them."""

from __future__ import annotations

from pathlib import Path

from core.bootstrap import Services
from core.errors import BadInput, SluiceError, Unavailable, UnknownName
from core.flow.formats.native import from_json, parse
from core.flow.formats.text import MAX_BYTES
from core.flow.nodes import Flow
from core.flow.variables import free_variables


def read_flow(path: Path) -> Flow:
    """The flow in ``path``; BadInput if it cannot be read, FlowInvalid if it is none."""
    return parse(read_bytes(path), path.name)


def read_bytes(path: Path) -> bytes:
    """A flow file's content, unless it is far too large to be one."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(
                str(path), f"it has {size:,} bytes; a flow has at most {MAX_BYTES:,}.",
                "Check that this is the right file.",
            )  # fmt: skip
        return path.read_bytes()
    except OSError as err:
        reason = (err.strerror or str(err)).lower()
        raise BadInput(str(path), f"it cannot be read: {reason}.", "Check the path.") from err


class FlowFiles:
    """Strategies that flows refer to: files beside the first one, then the library."""

    def __init__(self, folder: Path, services: Services) -> None:
        self._folder = folder
        self._services = services

    def find(self, slug: str) -> Flow:
        """The flow in ``<slug>.json``, or the library's; UnknownName if there is neither."""
        beside = self._folder / f"{slug}.json"
        if beside.exists():
            return self.filled(read_flow(beside))
        try:
            saved = self._services.strategies.version(self._services.user.id, slug)
        except (Unavailable, UnknownName) as err:
            raise self._unknown(slug, err) from err
        return self.filled(from_json(saved.flow, slug))

    def filled(self, flow: Flow) -> Flow:
        """``flow`` with the library's global variables it uses.

        The library is asked only for a flow that uses variables it does not declare, and only if
        it runs: otherwise they stay undeclared, and whoever compiles the flow says so.
        """
        if not free_variables(flow):
            return flow
        try:
            return self._services.flows.filled(flow)
        except Unavailable:
            return flow

    def _unknown(self, slug: str, err: SluiceError) -> UnknownName:
        known = err.fix if isinstance(err, UnknownName) else "The library is not running."
        fix = f"Put {slug}.json beside the flow, or import it into the library. {known}"
        return UnknownName("strategy", "strategy", slug, fix=fix)
