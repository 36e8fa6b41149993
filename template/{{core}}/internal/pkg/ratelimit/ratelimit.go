// Package ratelimit bounds how often something may happen, such as requests of one client.
//
// The window slides: in any stretch of time that is as long as the window, wherever it begins, no more is allowed than the limit
// says. To remember little, time is counted in parts of a twentieth of the window, and what was used of the limit comes back with
// the end of its part: up to a twentieth of the window late, never early.
package ratelimit

import (
	"context"
	"sync/atomic"
	"time"
)

// Parts is in how many parts a window is counted. A window that is not aligned with them touches one more.
const Parts = 20

// Limit is how much is allowed. What is counted under one limit is apart from what is counted under another.
type Limit struct {
	// Name tells limits apart, and says to clients which one they are under: lower case words joined by dashes.
	Name string
	// Requests is how many are allowed in any stretch of time that is as long as Window. Both are positive.
	Requests int
	Window   time.Duration
}

// Decision says whether something may happen.
type Decision struct {
	// Allowed says that it may, and that it was counted. What may not happen is not counted.
	Allowed bool
	// Remaining is how many more are allowed at once.
	Remaining int
	// Reset is how long it takes until more are allowed than now.
	Reset time.Duration
	// Degraded says that the decision was made with less knowledge than usual, because something did not answer.
	Degraded bool
}

// Limiter decides. It is safe for concurrent use.
type Limiter interface {
	// Allow decides for whoever the key names. An error says that the limiter could not.
	Allow(ctx context.Context, key string, limit Limit) (Decision, error)
}

// Stats is what a limiter has decided since the process began.
type Stats struct {
	Allowed, Refused uint64
	// Errors is how often it could not decide, or only with less knowledge than usual.
	Errors uint64
}

// Counted counts what a limiter decides. It is safe for concurrent use.
type Counted struct {
	limiter Limiter

	allowed, refused, errors atomic.Uint64
}

var _ Limiter = (*Counted)(nil)

// NewCounted returns a limiter that decides as the given one.
func NewCounted(limiter Limiter) *Counted {
	return &Counted{limiter: limiter, allowed: atomic.Uint64{}, refused: atomic.Uint64{}, errors: atomic.Uint64{}}
}

// Allow implements Limiter.
func (c *Counted) Allow(ctx context.Context, key string, limit Limit) (Decision, error) {
	decision, err := c.limiter.Allow(ctx, key, limit)
	if err != nil || decision.Degraded {
		c.errors.Add(1)
	}

	switch {
	case err != nil:
	case decision.Allowed:
		c.allowed.Add(1)
	default:
		c.refused.Add(1)
	}

	return decision, err
}

// Stats returns the numbers so far.
func (c *Counted) Stats() Stats {
	return Stats{Allowed: c.allowed.Load(), Refused: c.refused.Load(), Errors: c.errors.Load()}
}
