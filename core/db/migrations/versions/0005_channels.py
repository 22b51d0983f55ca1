"""Notifications: channels, and what is still to be sent to them."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = """
CREATE TABLE channels (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    address BYTEA NOT NULL,
    service TEXT NOT NULL,
    tail TEXT NOT NULL,
    kinds TEXT[] DEFAULT '{}' NOT NULL,
    severity TEXT NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_sent_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT DEFAULT '' NOT NULL,
    last_error_at TIMESTAMP WITH TIME ZONE,
    failures SMALLINT DEFAULT 0 NOT NULL,
    rests_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT channels_pkey PRIMARY KEY (id),
    CONSTRAINT channels_user_id_name_key UNIQUE (user_id, name),
    CONSTRAINT channels_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT channels_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE deliveries (
    event_id BIGINT NOT NULL,
    channel_id UUID NOT NULL,
    state TEXT NOT NULL,
    tries SMALLINT DEFAULT 0 NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT deliveries_pkey PRIMARY KEY (event_id, channel_id),
    CONSTRAINT deliveries_state_check CHECK (state IN ('due', 'sending', 'sent', 'failed',
        'dropped')),
    CONSTRAINT deliveries_event_id_fkey FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE
        CASCADE,
    CONSTRAINT deliveries_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES channels (id) ON
        DELETE CASCADE
);

CREATE INDEX deliveries_waiting_idx ON deliveries (channel_id, next_try_at)
    WHERE state IN ('due', 'sending');

CREATE INDEX deliveries_channel_id_sent_at_idx ON deliveries (channel_id, sent_at)
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n\n"):
        op.execute(statement)
