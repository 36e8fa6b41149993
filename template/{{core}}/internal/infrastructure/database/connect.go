package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sethvargo/go-retry"
)

const (
	firstWait     = 100 * time.Millisecond
	longestWait   = 3 * time.Second
	jitterPercent = 20
)

var errNoAnswer = errors.New("it does not answer")

// Connect waits until the database answers. It tries again with growing pauses and tells waiting about each failure, until
// the budget is spent: a service and its database may start together. A failure that time won't mend, such as a wrong
// password, is returned at once. The error never holds the password.
func Connect(ctx context.Context, pool *pgxpool.Pool, budget time.Duration, waiting func(error)) error {
	return connect(ctx, pool.Ping, budget, waiting)
}

func connect(ctx context.Context, ping func(context.Context) error, budget time.Duration, waiting func(error)) error {
	backoff := retry.NewExponential(firstWait)
	backoff = retry.WithCappedDuration(longestWait, backoff)
	backoff = retry.WithJitterPercent(jitterPercent, backoff)

	bounded, cancel := context.WithTimeout(ctx, budget)
	defer cancel()

	last := errNoAnswer // until the database says something, which is worth more than that the time is up

	err := retry.Do(bounded, backoff, func(ctx context.Context) error {
		err := ping(ctx)
		if err == nil || permanent(err) {
			return err
		}

		if ctx.Err() == nil {
			last = err
			waiting(err)
		}

		return retry.RetryableError(err)
	})

	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("connect to the database: %w", ctx.Err())
	case bounded.Err() != nil:
		return fmt.Errorf("connect to the database: gave up after %s: %w", budget, last)
	default:
		return fmt.Errorf("connect to the database: %w", err)
	}
}

// permanent reports whether a failure to connect will stay until someone changes the configuration.
func permanent(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}

	switch pgErr.Code {
	case "28P01", // invalid_password
		"28000", // invalid_authorization_specification: no such role, or not from this address
		"3D000": // invalid_catalog_name: no such database
		return true
	default:
		return false
	}
}
