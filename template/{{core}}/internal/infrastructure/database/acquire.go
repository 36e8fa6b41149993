package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// acquireBound bounds the wait for a connection of the pool: when all are in use, a request should hear so soon, and not wait for
// its whole deadline. A pool has no setting for that. But it asks its tracer for the context of each acquisition, whoever acquires,
// and uses that for nothing else.
type acquireBound struct {
	timeout time.Duration // 0 is no bound
}

var (
	_ pgx.QueryTracer       = acquireBound{}
	_ pgxpool.AcquireTracer = acquireBound{}
)

type cancelKey struct{}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (b acquireBound) TraceAcquireStart(
	ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData,
) context.Context {
	if b.timeout <= 0 {
		return ctx
	}

	ctx, cancel := context.WithTimeout(ctx, b.timeout)

	return context.WithValue(ctx, cancelKey{}, cancel)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (acquireBound) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer, which every tracer has to.
func (acquireBound) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (acquireBound) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
