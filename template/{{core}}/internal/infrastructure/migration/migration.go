// Package migration applies the migrations to a database.
package migration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// lockPause is how long to wait before the next try for the lock, in seconds.
	lockPause = 1
	// lockTries bounds the wait for another migrator to an hour: it may be building an index on a large table.
	lockTries = 3600
)

// ErrNothingToTakeBack is returned by Down when no migration has been applied.
var ErrNothingToTakeBack = errors.New("no migration has been applied")

// Migration is one step of the schema.
type Migration struct {
	// Version begins the name of the file.
	Version int64
	// File is the name of the file, without its folder.
	File string
	// AppliedAt is in UTC, and zero as long as the migration is missing from the database.
	AppliedAt time.Time
}

// Migrator changes the schema. Several at once, in one process or in many, do no harm: each waits for an advisory lock,
// which PostgreSQL releases by itself when a migrator dies.
type Migrator struct {
	provider *goose.Provider
}

// New returns a migrator that applies the files to the database of a pool. The pool should have no statement timeout: to
// build an index may take long. It needs one connection, and no pooler between it and PostgreSQL that shares sessions.
func New(pool *pgxpool.Pool, files fs.FS) (*Migrator, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPause, lockTries))
	if err != nil {
		return nil, fmt.Errorf("make lock: %w", err)
	}

	db := stdlib.OpenDBFromPool(pool)

	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		// Two branches, each with a migration, may be released in either order.
		goose.WithAllowOutofOrder(true),
	)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", errors.Join(err, db.Close()))
	}

	return &Migrator{provider: provider}, nil
}

// Close releases what the migrator holds. The pool belongs to its maker.
func (m *Migrator) Close() error {
	if err := m.provider.Close(); err != nil {
		return fmt.Errorf("close migrator: %w", err)
	}

	return nil
}

// Up applies every migration that the database lacks, each in a transaction unless its file says otherwise, and returns
// them. When one fails, those before it stay applied.
func (m *Migrator) Up(ctx context.Context) ([]Migration, error) {
	results, err := m.provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("apply migrations: %w", reason(ctx, err))
	}

	applied := make([]Migration, 0, len(results))
	for _, result := range results {
		applied = append(applied, migration(result.Source, time.Now().UTC()))
	}

	return applied, nil
}

// Down takes back the migration that was applied last, and returns it. It returns ErrNothingToTakeBack when there is none.
// What the database has run and the files no longer have, as after an option was switched off, stays.
func (m *Migrator) Down(ctx context.Context) (Migration, error) {
	result, err := m.provider.Down(ctx)
	if errors.Is(err, goose.ErrVersionNotFound) {
		result, err = m.downKnown(ctx)
	}

	if errors.Is(err, goose.ErrNoNextVersion) {
		return Migration{}, ErrNothingToTakeBack
	}

	if err != nil {
		return Migration{}, fmt.Errorf("take back a migration: %w", reason(ctx, err))
	}

	return migration(result.Source, time.Time{}), nil
}

// Status returns every migration, oldest version first.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	states, err := m.provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of migrations: %w", reason(ctx, err))
	}

	all := make([]Migration, 0, len(states))
	for _, state := range states {
		all = append(all, migration(state.Source, state.AppliedAt))
	}

	return all, nil
}

// Version returns the highest version that has been applied; 0 means none.
func (m *Migrator) Version(ctx context.Context) (int64, error) {
	version, err := m.provider.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the version of the schema: %w", reason(ctx, err))
	}

	return version, nil
}

// downKnown is Down among the migrations that have a file.
func (m *Migrator) downKnown(ctx context.Context) (*goose.MigrationResult, error) {
	states, err := m.provider.Status(ctx)
	if err != nil {
		return nil, err
	}

	var last *goose.MigrationStatus

	for _, state := range states { // oldest version first
		if state.State == goose.StateApplied && (last == nil || !state.AppliedAt.Before(last.AppliedAt)) {
			last = state
		}
	}

	if last == nil {
		return nil, goose.ErrNoNextVersion
	}

	return m.provider.ApplyVersion(ctx, last.Source.Version, false)
}

func migration(source *goose.Source, appliedAt time.Time) Migration {
	return Migration{Version: source.Version, File: path.Base(source.Path), AppliedAt: appliedAt}
}

// reason is the error of an ended context in place of what the driver made of it, which is several errors in a row.
func reason(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}

	return err
}
