package database

import "github.com/jackc/pgx/v5/pgxpool"

// DB is where the repositories send their statements. It is safe for concurrent use.
type DB struct {
	pool *pgxpool.Pool
}

// New returns a database on a pool. There is nothing to clean up but the pool, which belongs to its maker.
func New(pool *pgxpool.Pool) (*DB, func()) {
	return &DB{pool: pool}, func() {}
}
