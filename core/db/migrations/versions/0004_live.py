"""Live trading: accounts, deployments, windows, orders, the ledger, the built-in broker."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = """
ALTER TABLE users ADD COLUMN replayed_at TIMESTAMP WITH TIME ZONE;

CREATE TABLE accounts (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    broker TEXT NOT NULL,
    mode TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT,
    keys BYTEA,
    slots SMALLINT[] NOT NULL,
    limits JSONB DEFAULT '{}' NOT NULL,
    options JSONB DEFAULT '{}' NOT NULL,
    state TEXT DEFAULT 'active' NOT NULL,
    state_reason TEXT DEFAULT '' NOT NULL,
    state_by TEXT DEFAULT '' NOT NULL,
    state_at TIMESTAMP WITH TIME ZONE,
    reconciled_at TIMESTAMP WITH TIME ZONE,
    differences JSONB DEFAULT '[]' NOT NULL,
    activities_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_user_id_name_key UNIQUE (user_id, name),
    CONSTRAINT accounts_mode_check CHECK (mode IN ('paper', 'live')),
    CONSTRAINT accounts_state_check CHECK (state IN ('active', 'reducing', 'halted')),
    CONSTRAINT accounts_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE deployments (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    name TEXT NOT NULL,
    strategy_id UUID,
    version INTEGER,
    flow_hash CHAR(64) NOT NULL,
    flow JSON NOT NULL,
    "references" JSON DEFAULT '{}' NOT NULL,
    capital NUMERIC NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT DEFAULT '' NOT NULL,
    state_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state_by TEXT DEFAULT '' NOT NULL,
    shadow JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    stopped_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT deployments_pkey PRIMARY KEY (id),
    CONSTRAINT deployments_state_check CHECK (state IN ('active', 'paused', 'liquidating',
        'stopped')),
    CONSTRAINT deployments_capital_check CHECK (capital > 0),
    CONSTRAINT deployments_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE,
    CONSTRAINT deployments_strategy_id_fkey FOREIGN KEY(strategy_id) REFERENCES strategies (id)
        ON DELETE SET NULL
);

CREATE UNIQUE INDEX deployments_name_key ON deployments (account_id, name) WHERE state <> 'stopped';

CREATE TABLE windows (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    session DATE NOT NULL,
    slot SMALLINT NOT NULL,
    state TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closes_at TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE,
    planned_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    fence BIGINT,
    host TEXT DEFAULT '' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    timeline JSONB DEFAULT '[]' NOT NULL,
    reading JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT windows_pkey PRIMARY KEY (id),
    CONSTRAINT windows_account_id_session_slot_key UNIQUE (account_id, session, slot),
    CONSTRAINT windows_state_check CHECK (state IN ('requested', 'claimed', 'planned', 'done',
        'missed', 'failed', 'expired')),
    CONSTRAINT windows_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE
);

CREATE INDEX windows_due_at_idx ON windows (due_at);

CREATE TABLE decisions (
    window_id UUID NOT NULL,
    deployment_id UUID NOT NULL,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    version INTEGER,
    flow_hash CHAR(64) NOT NULL,
    equity NUMERIC,
    weights JSONB,
    trace JSONB,
    CONSTRAINT decisions_pkey PRIMARY KEY (window_id, deployment_id),
    CONSTRAINT decisions_window_id_fkey FOREIGN KEY(window_id) REFERENCES windows (id) ON
        DELETE CASCADE,
    CONSTRAINT decisions_deployment_id_fkey FOREIGN KEY(deployment_id) REFERENCES deployments
        (id) ON DELETE CASCADE
);

CREATE INDEX decisions_deployment_id_idx ON decisions (deployment_id);

CREATE TABLE orders (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    window_id UUID NOT NULL,
    session DATE NOT NULL,
    slot SMALLINT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    leg SMALLINT NOT NULL,
    client_order_id TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    quoted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    status TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    broker_order_id TEXT,
    request_id TEXT,
    filled_quantity NUMERIC DEFAULT 0 NOT NULL,
    filled_cash NUMERIC DEFAULT 0 NOT NULL,
    lookups SMALLINT DEFAULT 0 NOT NULL,
    fence BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    final_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_account_id_session_slot_symbol_side_leg_key UNIQUE (account_id, session,
        slot, symbol, side, leg),
    CONSTRAINT orders_client_order_id_key UNIQUE (client_order_id),
    CONSTRAINT orders_quantity_check CHECK (quantity > 0),
    CONSTRAINT orders_side_check CHECK (side IN ('buy', 'sell')),
    CONSTRAINT orders_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE,
    CONSTRAINT orders_window_id_fkey FOREIGN KEY(window_id) REFERENCES windows (id) ON DELETE
        CASCADE
);

CREATE INDEX orders_account_id_created_at_idx ON orders (account_id, created_at);

CREATE INDEX orders_open_idx ON orders (account_id) WHERE state IN ('planned', 'sending',
        'unknown', 'accepted', 'partially_filled', 'pending_cancel', 'unrecognised');

CREATE INDEX orders_window_id_idx ON orders (window_id);

CREATE TABLE order_parts (
    order_id UUID NOT NULL,
    line SMALLINT NOT NULL,
    book TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    booked_quantity NUMERIC DEFAULT 0 NOT NULL,
    booked_cash NUMERIC DEFAULT 0 NOT NULL,
    CONSTRAINT order_parts_pkey PRIMARY KEY (order_id, line),
    CONSTRAINT order_parts_booked_check CHECK (booked_quantity <= quantity),
    CONSTRAINT order_parts_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id) ON DELETE
        CASCADE
);

CREATE TABLE ledger_entries (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    account_id UUID NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    session DATE,
    text TEXT DEFAULT '' NOT NULL,
    CONSTRAINT ledger_entries_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_entries_account_id_reference_key UNIQUE (account_id, reference),
    CONSTRAINT ledger_entries_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE
);

CREATE INDEX ledger_entries_account_id_at_idx ON ledger_entries (account_id, at);

CREATE TABLE ledger_postings (
    entry_id BIGINT NOT NULL,
    line SMALLINT NOT NULL,
    book TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    price NUMERIC,
    realised NUMERIC,
    CONSTRAINT ledger_postings_pkey PRIMARY KEY (entry_id, line),
    CONSTRAINT ledger_postings_amount_check CHECK (amount <> 0),
    CONSTRAINT ledger_postings_entry_id_fkey FOREIGN KEY(entry_id) REFERENCES ledger_entries
        (id) ON DELETE CASCADE
);

CREATE INDEX ledger_postings_book_idx ON ledger_postings (book);

CREATE TABLE balances (
    account_id UUID NOT NULL,
    book TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT balances_pkey PRIMARY KEY (account_id, book, asset),
    CONSTRAINT balances_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE
);

CREATE TABLE lots (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    account_id UUID NOT NULL,
    book TEXT NOT NULL,
    asset TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    price NUMERIC NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lots_pkey PRIMARY KEY (id),
    CONSTRAINT lots_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE
        CASCADE
);

CREATE INDEX lots_account_id_book_asset_idx ON lots (account_id, book, asset);

CREATE TABLE equity_points (
    account_id UUID NOT NULL,
    book TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    equity NUMERIC NOT NULL,
    cash NUMERIC NOT NULL,
    stale BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT equity_points_pkey PRIMARY KEY (account_id, book, at),
    CONSTRAINT equity_points_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE
);

CREATE TABLE snapshots (
    account_id UUID NOT NULL,
    book TEXT NOT NULL,
    session DATE NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    equity NUMERIC NOT NULL,
    cash NUMERIC NOT NULL,
    flow NUMERIC NOT NULL,
    return DOUBLE PRECISION,
    growth DOUBLE PRECISION NOT NULL,
    drawdown DOUBLE PRECISION NOT NULL,
    metrics JSONB DEFAULT '{}' NOT NULL,
    weights JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (account_id, book, session),
    CONSTRAINT snapshots_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE
);

CREATE TABLE leases (
    name TEXT NOT NULL,
    fence BIGINT NOT NULL,
    holder TEXT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);

CREATE TABLE events (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    user_id UUID NOT NULL,
    account_id UUID,
    deployment_id UUID,
    window_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL,
    detail JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_severity_check CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT events_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT events_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE,
    CONSTRAINT events_deployment_id_fkey FOREIGN KEY(deployment_id) REFERENCES deployments (id)
        ON DELETE CASCADE,
    CONSTRAINT events_window_id_fkey FOREIGN KEY(window_id) REFERENCES windows (id) ON DELETE
        CASCADE
);

CREATE INDEX events_account_id_at_idx ON events (account_id, at);

CREATE INDEX events_user_id_at_idx ON events (user_id, at);

CREATE TABLE parity (
    window_id UUID NOT NULL,
    deployment_id UUID NOT NULL,
    session DATE NOT NULL,
    state TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    difference DOUBLE PRECISION,
    settled JSONB,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT parity_pkey PRIMARY KEY (window_id, deployment_id),
    CONSTRAINT parity_window_id_fkey FOREIGN KEY(window_id) REFERENCES windows (id) ON DELETE
        CASCADE,
    CONSTRAINT parity_deployment_id_fkey FOREIGN KEY(deployment_id) REFERENCES deployments (id)
        ON DELETE CASCADE
);

CREATE INDEX parity_deployment_id_session_idx ON parity (deployment_id, session);

CREATE TABLE paper_accounts (
    account_id UUID NOT NULL,
    cash NUMERIC NOT NULL,
    actions_until DATE,
    CONSTRAINT paper_accounts_pkey PRIMARY KEY (account_id),
    CONSTRAINT paper_accounts_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE
);

CREATE TABLE paper_positions (
    account_id UUID NOT NULL,
    symbol TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    average_price NUMERIC NOT NULL,
    CONSTRAINT paper_positions_pkey PRIMARY KEY (account_id, symbol),
    CONSTRAINT paper_positions_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id)
        ON DELETE CASCADE
);

CREATE TABLE paper_orders (
    account_id UUID NOT NULL,
    number BIGINT GENERATED BY DEFAULT AS IDENTITY,
    client_order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    state TEXT NOT NULL,
    filled_quantity NUMERIC NOT NULL,
    filled_cash NUMERIC NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT paper_orders_pkey PRIMARY KEY (account_id, client_order_id),
    CONSTRAINT paper_orders_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts (id) ON
        DELETE CASCADE,
    CONSTRAINT paper_orders_number_key UNIQUE (number)
);

CREATE TABLE paper_activities (
    account_id UUID NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    symbol TEXT,
    cash NUMERIC,
    quantity NUMERIC,
    ratio NUMERIC,
    CONSTRAINT paper_activities_pkey PRIMARY KEY (account_id, id),
    CONSTRAINT paper_activities_account_id_fkey FOREIGN KEY(account_id) REFERENCES accounts
        (id) ON DELETE CASCADE
)
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n\n"):
        op.execute(statement)
