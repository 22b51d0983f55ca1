"""Compiled code is kept between processes, and no longer than what it was made of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.jit import sources_of_kernels

INNER = "from core.jit import inlined_kernel\n\n@inlined_kernel\ndef inner(x):\n    return x + {}\n"
OUTER = "from core.jit import kernel\nfrom inner import inner\n\n@kernel\ndef outer(x):\n    return inner(x)\n"
ASK = (
    "import pathlib, core.jit\n"
    "core.jit.sources_of_kernels.__wrapped__.__defaults__ = (pathlib.Path('.'),)\n"
    "from outer import outer\nprint(outer(1.0), sum(outer.stats.cache_hits.values()))\n"
)


def ask(folder: Path) -> str:
    paths = [str(Path(__file__).parents[2]), str(folder)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "NUMBA_CACHE_DIR": str(folder),
    }
    asked = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, env=environment, capture_output=True, check=True
    )
    return asked.stdout.decode().strip()


def test_a_kernel_is_compiled_anew_when_one_it_calls_is_changed(tmp_path):
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(1))
    assert [ask(tmp_path), ask(tmp_path)] == ["2.0 0", "2.0 1"]
    (tmp_path / "inner.py").write_text(INNER.format(2))
    assert ask(tmp_path) == "3.0 0"


def test_only_files_with_kernels_count(tmp_path):
    (tmp_path / "a.py").write_text("from core.jit import kernel")
    first = sources_of_kernels(tmp_path)
    sources_of_kernels.cache_clear()
    (tmp_path / "b.py").write_text("x = 1")
    assert sources_of_kernels(tmp_path) == first
    sources_of_kernels.cache_clear()
    (tmp_path / "a.py").write_text("from core.jit import kernel  # changed")
    assert sources_of_kernels(tmp_path) != first
    sources_of_kernels.cache_clear()
