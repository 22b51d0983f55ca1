"""The browser's front door: one page of the navigation, run with its errors explained."""

import streamlit as st

from app import navigation
from app.components.builder.drafts import keep_all
from app.components.problems import show_error
from app.components.toasts import said
from app.theme import STYLE
from core.errors import SluiceError

st.set_page_config(page_title="Sluice", page_icon=":material/water_lux:", layout="wide")
st.html(f"<style>{STYLE}</style>")
# What a dialog had to say before it closed.
said()
try:
    keep_all()
    page = navigation.current()
    page.run()
except SluiceError as err:
    show_error(err)
