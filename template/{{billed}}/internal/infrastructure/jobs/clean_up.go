package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// cleanInterval is how often is cleaned up.
const cleanInterval = time.Hour

// Cleaner deletes what nobody can use any more.
type Cleaner struct {
	// Name says what, for the log.
	Name   string
	Delete func(ctx context.Context) error
}

// CleanUp deletes what nobody can use any more. Nothing depends on it but the size of tables.
type CleanUp struct {
	regular[cleanUp]

	cleaners []Cleaner
}

// NewCleanUp returns the job over those that clean.
func NewCleanUp(cleaners []Cleaner) *CleanUp {
	return &CleanUp{regular: regular[cleanUp]{interval: cleanInterval}, cleaners: cleaners}
}

// cleanUp has no arguments.
type cleanUp struct{}

// Kind implements river.JobArgs.
func (cleanUp) Kind() string { return "clean_up" }

// InsertOpts implements river.JobArgsWithInsertOpts.
func (cleanUp) InsertOpts() river.InsertOpts { return once() }

// Work implements river.Worker. One that fails does not keep the others from their work.
func (j *CleanUp) Work(ctx context.Context, _ *river.Job[cleanUp]) error {
	var failed []error

	for _, cleaner := range j.cleaners {
		if err := cleaner.Delete(ctx); err != nil {
			failed = append(failed, fmt.Errorf("delete %s: %w", cleaner.Name, err))
		}
	}

	return errors.Join(failed...)
}

func (j *CleanUp) register(workers *river.Workers) error { return river.AddWorkerSafely(workers, j) }
