"""The browser's front door: one page of the navigation, run with its errors explained."""

from pathlib import Path

import streamlit as st

from app import navigation
from app.components.builder.drafts import keep_all
from app.components.problems import show_error
from app.components.stylesheet import stylesheet
from app.components.toasts import said
from app.theme import style
from core.errors import SluiceError

# A file of ours: the browser would ask another server for a Material symbol as a tab's icon.
ICON = Path(__file__).with_name("icon.svg")
st.set_page_config(page_title="Sluice", page_icon=ICON, layout="wide")
stylesheet(style(st.context.theme.type), "app")
try:
    keep_all()
    page = navigation.current()
    # What the run before had to say: not sooner, as the way to another page is a run of its own.
    said()
    page.run()
except SluiceError as err:
    show_error(err)
