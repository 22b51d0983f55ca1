"""Listing the sources must not cost the seconds their vendors' libraries take to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
HEAVY = ("alpaca", "curl_cffi", "exchange_calendars", "pandas", "pybit", "requests", "yfinance")


def test_sources_are_made_without_loading_a_vendors_library():
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from core.market.sources.alpaca import AlpacaSource\n"
        "from core.market.sources.bybit import BybitSource\n"
        "from core.market.sources.yahoo import YahooSource\n"
        "clock = lambda: datetime.now(UTC)\n"
        "made = AlpacaSource(None, None, clock=clock), BybitSource(clock=clock)\n"
        "made += (YahooSource(Path('unused'), clock=clock),)\n"
        "assert len({source.info.name for source in made}) == 3\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
