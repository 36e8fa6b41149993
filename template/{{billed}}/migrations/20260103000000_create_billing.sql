-- +goose Up
SET LOCAL lock_timeout = '5s';

-- What somebody has to pay for. Money counts whole minor units, such as cents, of one currency.
CREATE TABLE orders (
    id          uuid PRIMARY KEY,
    -- Who ordered. Books outlive the people in them: an order stays when its user is deleted.
    user_id     uuid CONSTRAINT orders_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    description text NOT NULL,
    total_minor bigint NOT NULL CONSTRAINT orders_total_positive CHECK (total_minor > 0),
    currency    char(3) NOT NULL,
    created_at  timestamptz NOT NULL
);

-- Pages are read newest first, of all orders or of those of one user.
CREATE INDEX orders_created_at_id_idx ON orders (created_at DESC, id DESC);
CREATE INDEX orders_user_id_created_at_id_idx ON orders (user_id, created_at DESC, id DESC);

CREATE TABLE payments (
    -- Also the key by which the provider tells two attempts at one payment from two payments.
    id                 uuid PRIMARY KEY,
    order_id           uuid NOT NULL CONSTRAINT payments_order_id_fkey REFERENCES orders (id) ON DELETE RESTRICT,
    amount_minor       bigint NOT NULL CONSTRAINT payments_amount_positive CHECK (amount_minor > 0),
    currency           char(3) NOT NULL,
    status             text NOT NULL
                       CONSTRAINT payments_status_known CHECK (status IN ('pending', 'unknown', 'completed', 'failed')),
    provider_reference text,
    failure_code       text,
    attempts           bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    -- When it came to its end.
    settled_at         timestamptz,
    CONSTRAINT payments_settled_final CHECK ((settled_at IS NOT NULL) = (status IN ('completed', 'failed')))
);

-- An order is paid once. The service knows this one by name: it becomes the error payment_in_progress.
CREATE UNIQUE INDEX payments_order_id_key ON payments (order_id) WHERE status <> 'failed';
CREATE INDEX payments_order_id_idx ON payments (order_id);
-- Those that are open are few, and looked for all the time.
CREATE INDEX payments_updated_at_idx ON payments (updated_at) WHERE status IN ('pending', 'unknown');

-- Two rows for each completed payment, which add up to nothing, written in the transaction that completes it.
CREATE TABLE ledger_entries (
    id           uuid PRIMARY KEY,
    payment_id   uuid NOT NULL CONSTRAINT ledger_entries_payment_id_fkey REFERENCES payments (id) ON DELETE RESTRICT,
    account      text NOT NULL
                 CONSTRAINT ledger_entries_account_known CHECK (account IN ('provider_clearing', 'order_revenue')),
    amount_minor bigint NOT NULL CONSTRAINT ledger_entries_amount_something CHECK (amount_minor <> 0),
    currency     char(3) NOT NULL,
    created_at   timestamptz NOT NULL
);

CREATE UNIQUE INDEX ledger_entries_payment_id_account_key ON ledger_entries (payment_id, account);

-- What requests were answered, under the keys that clients gave them; everyone has keys of their own.
CREATE TABLE idempotency_keys (
    actor        text NOT NULL,
    key          text NOT NULL,
    operation    text NOT NULL,
    request_hash text NOT NULL,
    payment_id   uuid NOT NULL,
    status       int NOT NULL,
    -- As it was sent, byte for byte.
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, key)
);

CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

-- What is to be done once the transaction that wrote it has committed. Its identifiers sort by time.
CREATE TABLE outbox (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL,
    payload     jsonb NOT NULL,
    -- The request, and the trace where there is one, that it comes from.
    request_id  text NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL
);

-- What the provider has told already: it may tell twice.
CREATE TABLE webhook_events (
    id          text PRIMARY KEY,
    received_at timestamptz NOT NULL
);

CREATE INDEX webhook_events_received_at_idx ON webhook_events (received_at);

-- +goose Down
SET LOCAL lock_timeout = '5s';

DROP TABLE webhook_events;
DROP TABLE outbox;
DROP TABLE idempotency_keys;
DROP TABLE ledger_entries;
DROP TABLE payments;
DROP TABLE orders;
