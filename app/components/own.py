"""Components of our own: files beside the module that draws them, registered once a process."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import streamlit as st

FETCHED = "fetched.js"
"""For components that get what they show over HTTP; from this package."""


@st.cache_resource
def own_component(
    package: str, name: str, root: str, css: str, scripts: tuple[str, ...]
) -> Callable[..., Any]:
    """The component ``name``: an element of the class ``root`` with ``css``, and ``scripts`` one
    after the other, all of them files of ``package`` but ``FETCHED``."""

    def text(file: str) -> str:
        home = __package__ if file == FETCHED else package
        return (resources.files(home) / file).read_text(encoding="utf-8")

    made: Callable[..., Any] = st.components.v2.component(
        name,
        html=f"<div class='{root}'></div>",
        css=text(css),
        js="\n".join(map(text, scripts)),
    )
    return made
