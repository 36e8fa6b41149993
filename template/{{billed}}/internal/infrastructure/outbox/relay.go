// Package outbox hands on the messages that transactions have left in the outbox.
package outbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
)

const (
	// poll is how often an empty outbox is looked at. A message waits for half of that, on average; to announce each by NOTIFY would
	// have transactions commit one after another.
	poll = 50 * time.Millisecond
	// batch is how many messages are moved in one transaction.
	batch = 100
	// moveTimeout bounds that transaction, and firstPause and longestPause the time after one that failed.
	moveTimeout  = 10 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

const (
	// peek looks for messages without a transaction, as there are none as a rule.
	peek = `SELECT EXISTS (SELECT FROM outbox WHERE kind = ANY($1))`

	// take removes the oldest messages. Those that another relay is moving are skipped.
	take = `
		DELETE FROM outbox
		WHERE id IN (SELECT id FROM outbox WHERE kind = ANY($1) ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING id, kind, payload, request_id, coalesce(traceparent, ''), created_at`

	waiting = `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 FROM outbox`
)

// Message is something to do, as a transaction has left it.
type Message struct {
	ID      uuid.UUID
	Kind    string
	Payload []byte
	// RequestID and Traceparent say what it comes from; "" where nothing is known.
	RequestID   string
	Traceparent string
	CreatedAt   time.Time
}

// Target takes messages on.
type Target interface {
	// Kinds are those that it takes. Others stay in the outbox: a newer worker may know them.
	Kinds() []string
	// Take takes messages on in a transaction, all or none.
	Take(ctx context.Context, tx pgx.Tx, messages []Message) error
}

// Relay moves messages from the outbox to a Target, each in one transaction: it is either still in the outbox, or taken on once. Any
// number of relays may run at once. The first message may overtake the second.
type Relay struct {
	pool   *pgxpool.Pool
	target Target
	kinds  []string
	log    *zap.Logger

	moved, failures atomic.Uint64
}

// Stats are the numbers of a Relay since its start.
type Stats struct {
	Moved    uint64
	Failures uint64
}

// Depth is what the outbox holds.
type Depth struct {
	Messages int64
	// Oldest is the age of the oldest message, in seconds; 0 when there is none.
	Oldest float64
}

// NewRelay returns a relay that Run sets to work.
func NewRelay(pool *pgxpool.Pool, target Target, log *zap.Logger) *Relay {
	return &Relay{pool: pool, target: target, kinds: target.Kinds(), log: log}
}

// Run moves messages until ctx ends. A failure is logged when it begins; it tries again until it succeeds.
func (r *Relay) Run(ctx context.Context) error {
	pause := time.Duration(0)

	for ctx.Err() == nil {
		moved, err := r.Move(ctx)

		switch {
		case err == nil && pause > 0:
			r.log.Info("messages of the outbox are handed on again")

			pause = 0
		case err != nil && ctx.Err() == nil:
			if pause == 0 {
				r.log.Warn("messages of the outbox can't be handed on; they wait", zap.Error(err))
			}

			r.failures.Add(1)

			pause = min(max(2*pause, firstPause), longestPause)
		}

		if moved < batch {
			sleep(ctx, max(pause, poll))
		}
	}

	return nil
}

// Move moves one batch, and returns how many messages it had.
func (r *Relay) Move(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()

	var found bool
	if err := r.pool.QueryRow(ctx, peek, r.kinds).Scan(&found); err != nil || !found {
		return 0, wrap("look into the outbox", err)
	}

	moved := 0

	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, take, r.kinds, batch)
		if err != nil {
			return wrap("take messages", err)
		}

		messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Message])
		if err != nil || len(messages) == 0 {
			return wrap("take messages", err)
		}

		moved = len(messages)

		return r.target.Take(ctx, tx, messages)
	})
	if err != nil {
		return 0, fmt.Errorf("hand on messages: %w", err)
	}

	r.moved.Add(uint64(moved))

	return moved, nil
}

// Stats returns the numbers of now.
func (r *Relay) Stats() Stats { return Stats{Moved: r.moved.Load(), Failures: r.failures.Load()} }

// Depth returns what the outbox holds, of any kind.
func (r *Relay) Depth(ctx context.Context) (Depth, error) {
	var d Depth
	if err := r.pool.QueryRow(ctx, waiting).Scan(&d.Messages, &d.Oldest); err != nil {
		return Depth{}, wrap("look into the outbox", err)
	}

	return d, nil
}

func wrap(action string, err error) error {
	if err == nil {
		return nil
	}

	return fmt.Errorf("%s: %w", action, err)
}

// sleep waits, until ctx ends at the latest.
func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()

	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
