"""The dialogs of a channel: a new one, what it is told of, its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from pydantic import SecretStr

from app.components.plain import plain
from app.components.toasts import close_when_done
from app.resources import services
from core.accounts.addresses import SECURITIES, address_of, mail_address
from core.accounts.channels import MAX_NAME, Channel, Choice, choice_of
from core.accounts.events import KINDS, SEVERITIES


@dataclass(frozen=True, slots=True)
class _Service:
    """How a service's address looks, and in a sentence where one finds it."""

    example: str
    where: str


_SERVICES = {
    "Slack": _Service(
        "https://hooks.slack.com/services/…",
        "In Slack: add the app Incoming Webhooks to the channel, and copy its webhook address.",
    ),
    "Discord": _Service(
        "https://discord.com/api/webhooks/…",
        "In Discord: Edit channel, Integrations, Webhooks, New webhook, Copy webhook URL.",
    ),
    "E-mail": _Service("", "Sent by a mail server of yours or your provider's."),
    "Other": _Service(
        "ntfy://topic or jsons://host/path",
        "An address as Apprise writes it: Telegram is tgram://token/chat, a webhook of your own "
        "jsons://host/path. Apprise's documentation lists a hundred services.",
    ),
}
_MAIL = "E-mail"
_LEAST = {
    "info": "Everything",
    "warning": "Warnings and worse",
    "critical": "Critical only",
}
_SECURITY = {
    "starttls": "STARTTLS, port 587",
    "tls": "TLS, port 465",
    "none": "None, port 25",
}
Address = Callable[[], SecretStr]


@st.dialog("New channel", width="medium")
def add_channel() -> None:
    """Where messages go, and which ones."""
    address = _address("new")
    choice = _choice(Choice("", (), "info"), "new")
    st.caption("The address is stored encrypted, and never shown again.")
    if st.button("Save", type="primary", icon=":material/save:"):
        close_when_done(lambda: _added(choice(), address()))


@st.dialog("Channel", width="medium")
def edit_channel(channel: Channel) -> None:
    """What it is told of from now on; its address only if another one is wanted."""
    key = str(channel.id)
    choice = _choice(channel.choice, key)
    st.caption(f"Sends to {plain(str(channel.destination))}.")
    address: Address | None = None
    if st.checkbox("Use another address", key=f"channel_other_{key}"):
        address = _address(key)
    if st.button("Save", type="primary", icon=":material/save:"):
        close_when_done(lambda: _changed(channel, choice(), address() if address else None))


@st.dialog("Delete channel")
def delete_channel(channel: Channel) -> None:
    """Ask once more: the address is gone with it."""
    st.markdown(
        f"Delete **{plain(channel.name)}** ({plain(str(channel.destination))})? Its address is "
        "gone with it, and what waits for it is not sent."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep"):
            st.rerun()
        sent = st.button("Delete", type="primary", icon=":material/delete:")
    if sent:
        close_when_done(lambda: _deleted(channel))


def _address(key: str) -> Address:
    """Fields for an address; what makes one of them, raising BadInput."""
    chosen = st.radio("Service", list(_SERVICES), horizontal=True, key=f"channel_service_{key}")
    service = _SERVICES[chosen]
    if chosen == _MAIL:
        st.caption(service.where)
        return _mail(key)
    text: str = st.text_input(
        "Address", type="password", placeholder=service.example, help=service.where,
        key=f"channel_address_{chosen}_{key}",
    )  # fmt: skip
    st.caption(service.where)
    return lambda: address_of(text)


def _mail(key: str) -> Address:
    left, right = st.columns(2)
    host: str = left.text_input(
        "Mail server", placeholder="smtp.example.com", key=f"channel_host_{key}",
        help="Its name, as your provider gives it for outgoing mail.",
    )  # fmt: skip
    security = right.selectbox(
        "Encryption", SECURITIES, format_func=_SECURITY.__getitem__, key=f"channel_security_{key}",
        help="How the connection to the server is protected; most use STARTTLS.",
    )  # fmt: skip
    user: str = left.text_input(
        "User", placeholder="you@example.com", key=f"channel_user_{key}",
        help="The name you log in to the server with; empty if it asks for none.",
    )  # fmt: skip
    password: str = right.text_input(
        "Password", type="password", key=f"channel_password_{key}",
        help="Many providers want a password made for one app, not your own.",
    )  # fmt: skip
    sender: str = left.text_input(
        "From", placeholder="the user", key=f"channel_sender_{key}",
        help="The address the mail comes from; the user's where it is empty.",
    )  # fmt: skip
    to: str = right.text_input(
        "To", placeholder="you@example.com", key=f"channel_to_{key}", help="Who gets the mail."
    )
    return lambda: mail_address(host, security, user, password, sender, to)


def _choice(now: Choice, key: str) -> Callable[[], Choice]:
    """Fields for a name and what the channel is told of."""
    name: str = st.text_input(
        "Name", now.name, max_chars=MAX_NAME, placeholder="Team chat", key=f"channel_name_{key}",
        help="What you call it, here and nowhere else.",
    )  # fmt: skip
    severity = st.radio(
        "Importance", SEVERITIES, SEVERITIES.index(now.severity), horizontal=True,
        format_func=_LEAST.__getitem__, key=f"channel_severity_{key}",
        help="Critical is what stops trading or needs you now; a warning is what did not go as "
        "planned.",
    )  # fmt: skip
    kinds = st.multiselect(
        "Events", list(KINDS), list(now.kinds), key=f"channel_kinds_{key}",
        format_func=lambda kind: KINDS[kind].label, placeholder="Every kind of event",
        help="Empty: every kind. Importance applies to those chosen, too.",
    )  # fmt: skip
    with st.expander("What each event tells"):
        st.markdown(
            "\n".join(f"- **{meaning.label}**: {meaning.sentence}" for meaning in KINDS.values())
        )
    return lambda: choice_of(name, kinds, severity)


def _added(choice: Choice, address: SecretStr) -> str:
    services().channels.add(services().user.id, choice, address)
    return f"{choice.name} is told from now on. Send a test to see that it arrives."


def _changed(channel: Channel, choice: Choice, address: SecretStr | None) -> str:
    services().channels.change(services().user.id, channel.id, choice, address)
    return f"{choice.name} saved."


def _deleted(channel: Channel) -> str:
    services().channels.delete(services().user.id, channel.id)
    return f"{channel.name} deleted."
