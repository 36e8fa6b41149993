package database

import (
	"context"
	"time"
)

const (
	// eventsKept is how long it is remembered that the payment provider has told of something: it repeats itself for three days.
	eventsKept = 30 * 24 * time.Hour

	// That a key has expired is asked again of the row that is deleted: a request may have renewed it while this waited for it.
	deleteKeys = `
		DELETE FROM idempotency_keys
		WHERE expires_at < $1 AND (actor, key) IN (SELECT actor, key FROM idempotency_keys WHERE expires_at < $1 LIMIT $2)`

	deleteEvents = `
		DELETE FROM webhook_events
		WHERE id IN (SELECT id FROM webhook_events WHERE received_at < $1 LIMIT $2)`

	insertEvent = `INSERT INTO webhook_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`
)

// DeleteExpired deletes the answers that are not given again.
func (r *KeyRepository) DeleteExpired(ctx context.Context) error {
	if err := r.db.deleteAll(ctx, deleteKeys, now()); err != nil {
		return billingError(ctx, "delete keys", err)
	}

	return nil
}

// EventRepository remembers in PostgreSQL what the payment provider has told. It is safe for concurrent use.
type EventRepository struct {
	db *DB
}

// NewEventRepository returns a repository of the events in a database.
func NewEventRepository(db *DB) *EventRepository {
	return &EventRepository{db: db}
}

// Remember reports whether an event is new, and remembers it.
func (r *EventRepository) Remember(ctx context.Context, id string) (bool, error) {
	stored, err := r.db.exec(ctx, insertEvent, id, now())
	if err != nil {
		return false, billingError(ctx, "insert event", err)
	}

	return stored == 1, nil
}

// DeleteOld deletes events that are not told of any more.
func (r *EventRepository) DeleteOld(ctx context.Context) error {
	if err := r.db.deleteAll(ctx, deleteEvents, now().Add(-eventsKept)); err != nil {
		return billingError(ctx, "delete events", err)
	}

	return nil
}
