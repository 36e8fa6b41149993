-- +goose Up
SET LOCAL lock_timeout = '5s';

-- What a user logs in with.
CREATE TABLE accounts (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL CONSTRAINT accounts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    role          text NOT NULL CONSTRAINT accounts_role_known CHECK (role IN ('user', 'admin')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX accounts_user_id_key ON accounts (user_id);

-- A login begins one; it lives as long as its newest refresh token.
CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT sessions_account_id_fkey REFERENCES accounts (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX sessions_account_id_idx ON sessions (account_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Used tokens stay until they expire, so that using one again is noticed.
CREATE TABLE refresh_tokens (
    -- Not the token: its HMAC, in base64.
    hash       text PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- The key is the HMAC of an email address or of the address of a client, which are personal data.
CREATE TABLE login_attempts (
    key        text PRIMARY KEY,
    count      bigint NOT NULL,
    started_at timestamptz NOT NULL
);

CREATE INDEX login_attempts_started_at_idx ON login_attempts (started_at);

-- +goose Down
SET LOCAL lock_timeout = '5s';

DROP TABLE login_attempts;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE accounts;
