"""docs/imports.md, made from the constructs: ``python -m core.flow.formats.document``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType

from core.flow.formats import (
    composer_constructs,
    composer_functions,
    quantmage_constructs,
    quantmage_indicators,
)
from core.flow.formats.report import Construct

_INTRODUCTION = """# Imports

Made from the code by `make docs`.

Sluice reads strategies of three makers: its own JSON ([flow.md](flow.md)), Composer symphonies and
QuantMage spells. A file is told apart by its content, never by its name.

```
sluice import symphony.edn                       # into the library
sluice import spell.json --out flow.json         # into a file in the native format
sluice import symphony.edn --out flow.json --json
sluice import strategies/                        # every file below a folder, into the library
```

In the app: **Library → Import**, several files at once. Either way there is a **report**: every
construct of the file with its place (path, and line where the text has lines), the node it became,
and one of three words:

| status | meaning |
|---|---|
| exact | the flow does what the construct does, as documented by its maker or as measured |
| approximated | the flow does something near; the report says what, and why |
| not supported | nothing stands for it: the file is not imported, and the report says what to do |

Nothing is silently replaced: there is no default function, window or branch. Exact or not, data
differ: prices here come from your source, and a symbol without a price leaves its share in cash.
Signals are read on closes adjusted for splits and dividends, decisions are taken at the close and
traded at it; that is what Composer's backtests do as well.

A file of more than 20 MB, 1,000,000 brackets and commas, 20,000 nodes or 300 levels is refused.
"""
_COMPOSER = """## Composer

Read are the score (JSON or EDN, also inside a request for a backtest or a JSON string) and the
definition text `(defsymphony …)` of its editor, also the older one with bare windows. The
names below are those of the score; `rsi`, `stdev-return` and `stdev-price` in a definition are
`relative-strength-index`, `standard-deviation-return` and `standard-deviation-price`.

A leftover `weight`, `window-days` or second operand of a fixed comparison means nothing in Composer
and is ignored. The long name of an asset becomes its note, the name of a group its name. Costs are
in a request only: a symphony alone has none, so set them in the flow.
"""
_QUANTMAGE = """## QuantMage

Read is the JSON export, version 2. Names and comments are kept as names and notes. A window on
`CurrentPrice`, and weights on `Equal`, are left over and ignored.
"""
_FUNCTIONS = """A window is long where the start of an average still weighs {felt} or more after
{history} sessions: {windows}.
"""


def document() -> str:
    """The page, in Markdown."""
    parts = [
        _INTRODUCTION,
        _COMPOSER,
        _table(constructs(composer_constructs)),
        "### Functions of Composer\n",
        _functions(),
        _table(composer_function_constructs()),
        _QUANTMAGE,
        _table(constructs(quantmage_constructs)),
        "### Indicators of QuantMage\n",
        _table(quantmage_indicator_constructs()),
    ]
    return "\n".join(parts)


def _functions() -> str:
    """The paragraph over Composer's functions."""
    windows = []
    for name, one in composer_functions.FUNCTIONS.items():
        if one.decay:
            first = next(n for n in range(2, 1000) if composer_functions.felt(n, *one.decay))
            windows.append(f"from {first} in `{name}`")
    return _FUNCTIONS.format(
        felt=f"{composer_functions.FELT:f}",
        history=composer_functions.HISTORY,
        windows=", ".join(windows),
    )


def constructs(module: ModuleType) -> tuple[Construct, ...]:
    """All that a module declares, in its order."""
    return tuple(value for value in vars(module).values() if isinstance(value, Construct))


def composer_function_constructs() -> tuple[Construct, ...]:
    known = [function.construct for function in composer_functions.FUNCTIONS.values()]
    return (*known, *composer_functions.LONG_WINDOW.values())


def quantmage_indicator_constructs() -> tuple[Construct, ...]:
    functions = quantmage_indicators.FUNCTIONS.values()
    ranked = [function.ranked for function in functions if function.ranked]
    return (*(f.construct for f in functions), *ranked, quantmage_indicators.LONG_EMA)


def _table(rows: Iterable[Construct]) -> str:
    lines = ["| construct | status | in the flow | what to know |", "|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.status} | {row.becomes or '–'} | {row.note or '–'} |" for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
