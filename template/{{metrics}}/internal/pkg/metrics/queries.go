package metrics

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// Queries counts what PostgreSQL is asked to do over the connections that it traces. Its methods are safe for concurrent use.
type Queries struct {
	done   *prometheus.CounterVec
	failed prometheus.Counter
}

// NewQueries returns a Queries that has counted nothing. It traces the connections of a pool, so it is there before the pool;
// RegisterPool shows its numbers.
func NewQueries() *Queries {
	q := &Queries{
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "db_queries_total",
			Help: "Statements that PostgreSQL carried out, by command.",
		}, []string{"command"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "db_query_failures_total",
			Help: "Statements that it refused, as for a name that is taken, or that were given up.",
		}),
	}

	for _, command := range []string{"select", "insert", "update", "delete", "other"} {
		q.done.WithLabelValues(command) // 0 until there is one, so that the first is an increase
	}

	return q
}

// TraceQueryStart implements pgx.QueryTracer.
func (q *Queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (q *Queries) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	q.count(data.CommandTag, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (q *Queries) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (q *Queries) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	q.count(data.CommandTag, data.Err)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (q *Queries) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (q *Queries) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (q *Queries) TraceCopyFromEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	q.count(data.CommandTag, data.Err)
}

// count takes the command from PostgreSQL's answer: the text of a statement may begin with a comment or a WITH.
func (q *Queries) count(tag pgconn.CommandTag, err error) {
	if err != nil {
		q.failed.Inc()

		return
	}

	command := "other" // such as BEGIN and COMMIT

	switch {
	case tag.Select():
		command = "select"
	case tag.Insert():
		command = "insert"
	case tag.Update():
		command = "update"
	case tag.Delete():
		command = "delete"
	}

	q.done.WithLabelValues(command).Inc()
}
