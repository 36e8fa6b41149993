-- A migration runs while the service does. It must suit the release before it and the one after it: add first, use then,
-- remove last. lock_timeout makes it fail, to be run again, where it would make every request wait behind it.

-- +goose Up
SET LOCAL lock_timeout = '5s';

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    username   text NOT NULL,
    -- The service stores addresses in lower case; the check keeps everyone else to it, whatever the locale.
    email      text NOT NULL CONSTRAINT users_email_lower CHECK (email !~ '[A-Z]'),
    -- Text and a check, not an enum type: a value is added or taken away in a transaction, without a lock for long.
    status     text NOT NULL DEFAULT 'active'
               CONSTRAINT users_status_known CHECK (status IN ('active', 'inactive', 'suspended')),
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The service knows these two by name: they become the errors email_taken and username_taken.
CREATE UNIQUE INDEX users_email_key ON users (email);
CREATE UNIQUE INDEX users_username_key ON users (lower(username));

-- Pages are read newest first, of all users or of those in one state.
CREATE INDEX users_created_at_id_idx ON users (created_at DESC, id DESC);
CREATE INDEX users_status_created_at_id_idx ON users (status, created_at DESC, id DESC);

-- +goose Down
SET LOCAL lock_timeout = '5s';

DROP TABLE users;
