package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// RegisterPool shows the numbers of a pool of connections to PostgreSQL, and of the queries that go over them.
func RegisterPool(registry prometheus.Registerer, pool *pgxpool.Pool, queries *Queries) {
	type stat = *pgxpool.Stat

	state := func(name string) prometheus.Labels { return prometheus.Labels{"state": name} }

	const connections = "Connections to PostgreSQL, by what they do."

	Register(registry, pool.Stat,
		Gauge("db_pool_connections", connections, state("in_use"), stat.AcquiredConns),
		Gauge("db_pool_connections", connections, state("idle"), stat.IdleConns),
		Gauge("db_pool_connections", connections, state("opening"), stat.ConstructingConns),
		Gauge("db_pool_connections_max", "The largest number of connections.", nil, stat.MaxConns),
		Counter("db_pool_opened_total", "Connections opened.", nil, stat.NewConnsCount),
		Counter("db_pool_acquires_total", "Times that a connection was taken.", nil, stat.AcquireCount),
		Counter("db_pool_acquires_waited_total", "Times that none was free at once.", nil, stat.EmptyAcquireCount),
		Counter("db_pool_acquires_canceled_total", "Times that none was taken after all.", nil, stat.CanceledAcquireCount),
		Counter("db_pool_wait_seconds_total", "Time spent waiting by those who got one; who gave up is not in it.", nil,
			func(s stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
	)
	registry.MustRegister(queries.done, queries.failed)
}
