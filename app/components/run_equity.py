"""The equity and drawdown of the run of a map's cell, beside its benchmark."""

from __future__ import annotations

import streamlit as st

from app.charts.run_curve import curve_look
from app.components.own import FETCHED, own_component
from app.map_numbers import Cell
from app.run_curves import RunCurves
from app.theme import palette

HEIGHT = 460


def run_equity(curves: RunCurves, cell: Cell | None, *, chosen: str, first: str | None) -> None:
    """Draw the run of ``cell``, and at a click on the maps of the name ``chosen`` that cell's.

    The browser fetches it at the click: no script has to run before. Without a cell it says
    ``first``, or draws the run that is there without one.
    """
    component = own_component(
        __package__, "run_equity", "curve", "run_equity.css", (FETCHED, "run_equity.js")
    )
    component(
        key=f"equity_of_{chosen}",
        data={
            "address": curves.address,
            "name": chosen,
            "chosen": cell,
            "first": first,
            "height": HEIGHT,
            "look": curve_look(palette(st.context.theme.type)),
        },
    )
