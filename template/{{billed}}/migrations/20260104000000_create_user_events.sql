-- +goose Up
SET LOCAL lock_timeout = '5s';

-- What users do. Rows are added by COPY and never changed.
CREATE TABLE user_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Who it was; null when nobody knows. No foreign key: events outlive their user, and deleting one touches none of them.
    user_id     uuid,
    event_type  text NOT NULL CONSTRAINT user_events_event_type_length CHECK (length(event_type) BETWEEN 1 AND 64),
    metadata    jsonb NOT NULL DEFAULT '{}',
    occurred_at timestamptz NOT NULL
);

-- Activity is read by time. A partition for each month would be as fast, and someone would have to make it in time.
CREATE INDEX user_events_occurred_at_idx ON user_events (occurred_at);

-- +goose Down
SET LOCAL lock_timeout = '5s';

DROP TABLE user_events;
