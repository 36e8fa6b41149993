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

// keep is how long the outcome of the checks is good for. Anyone may ask for readiness, so that without it anyone could
// keep the connections busy that the checks need. It delays the news of a failure, and of its end.
const keep = time.Second

// Readiness answers whether requests should be sent to this process. It is safe for concurrent use.
type Readiness struct {
	timeout  time.Duration
	checks   []Check
	started  atomic.Bool
	draining atomic.Bool

	mu     sync.Mutex
	latest *run // nil before the first
}

// run is one run of all checks.
type run struct {
	done chan struct{}
	// These two are set once done is closed.
	failures []Failure
	ended    time.Time
}

// stale reports whether the run is over and too old to tell anything.
func (r *run) stale() bool {
	select {
	case <-r.done:
		return time.Since(r.ended) >= keep
	default:
		return false
	}
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

// Started says that the process has everything it needs to begin. What the checks found before does not count any more.
func (r *Readiness) Started() {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.latest = nil
	r.started.Store(true)
}

// Drain makes readiness fail from now on, so that no new requests are sent here while the last ones finish.
func (r *Readiness) Drain() { r.draining.Store(true) }

// Draining reports whether Drain was called.
func (r *Readiness) Draining() bool { return r.draining.Load() }

// Failures returns the checks that do not pass, in the order they were given; none means ready. All are asked at once, at
// most once a second: callers share a run, and its outcome for a second after it. When ctx ends before the run does, all
// checks count as failed for this caller, and the run goes on for the others.
func (r *Readiness) Failures(ctx context.Context) []Failure {
	if r.draining.Load() {
		return []Failure{{Name: draining, Err: StateError("the service is shutting down")}}
	}

	var failures []Failure

	if !r.started.Load() {
		failures = append(failures, Failure{Name: startup, Err: StateError("the service is starting")})
	}

	shared := r.join()

	select {
	case <-shared.done:
		return append(failures, shared.failures...)
	case <-ctx.Done():
		for _, check := range r.checks {
			failures = append(failures, Failure{Name: check.Name, Err: ctx.Err()})
		}

		return failures
	}
}

// join returns the run under way or the one that ended just now, and begins one when there is neither.
func (r *Readiness) join() *run {
	r.mu.Lock()
	defer r.mu.Unlock()

	if r.latest == nil || r.latest.stale() {
		r.latest = &run{done: make(chan struct{})}

		go r.ask(r.latest)
	}

	return r.latest
}

// ask has a context of its own: that of the caller who came first may end while others wait.
func (r *Readiness) ask(shared *run) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()

	results := make([]error, len(r.checks))

	var asked sync.WaitGroup
	for i, check := range r.checks {
		asked.Go(func() { results[i] = check.Ask(ctx) })
	}

	asked.Wait()

	var failures []Failure

	for i, err := range results {
		if err != nil {
			failures = append(failures, Failure{Name: r.checks[i].Name, Err: err})
		}
	}

	shared.failures, shared.ended = failures, time.Now()
	close(shared.done)
}
