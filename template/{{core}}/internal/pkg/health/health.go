// Package health knows whether the service can take requests.
//
// Liveness is not here: a process that answers is alive, and restarting it does not mend a database.
package health

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Check asks one dependency whether it can be used. It must return when its context ends.
type Check struct {
	// Name appears in answers and logs, such as "database".
	Name string
	Ask  func(ctx context.Context) error
}

// Failure is a check that did not pass.
type Failure struct {
	Name string
	Err  error
}

// Readiness answers whether requests should be sent to this process. It is safe for concurrent use.
type Readiness struct {
	timeout  time.Duration
	checks   []Check
	started  atomic.Bool
	draining atomic.Bool
}

// The states of the process itself, reported like checks.
const (
	startup  = "startup"
	draining = "draining"
)

// StateError is the reason of a failure that lies in the process itself.
type StateError string

// Error returns the reason.
func (e StateError) Error() string { return string(e) }

// NewReadiness returns a Readiness that fails until Started is called. All checks together get the timeout.
func NewReadiness(timeout time.Duration, checks ...Check) *Readiness {
	return &Readiness{timeout: timeout, checks: checks}
}

// Started says that the process has everything it needs to begin.
func (r *Readiness) Started() { r.started.Store(true) }

// Drain makes readiness fail from now on, so that no new requests are sent here while the last ones finish.
func (r *Readiness) Drain() { r.draining.Store(true) }

// Draining reports whether Drain was called.
func (r *Readiness) Draining() bool { return r.draining.Load() }

// Failures asks all checks at once and returns those that did not pass, in the order they were given; none means ready.
func (r *Readiness) Failures(ctx context.Context) []Failure {
	if r.draining.Load() {
		return []Failure{{Name: draining, Err: StateError("the service is shutting down")}}
	}

	var failures []Failure

	if !r.started.Load() {
		failures = append(failures, Failure{Name: startup, Err: StateError("the service is starting")})
	}

	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()

	results := make([]error, len(r.checks))

	var asked sync.WaitGroup
	for i, check := range r.checks {
		asked.Go(func() { results[i] = check.Ask(ctx) })
	}

	asked.Wait()

	for i, err := range results {
		if err != nil {
			failures = append(failures, Failure{Name: r.checks[i].Name, Err: err})
		}
	}

	return failures
}
