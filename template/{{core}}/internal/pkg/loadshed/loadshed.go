// Package loadshed turns work away that would only wait: a service that takes on more than it can do is late for everyone.
package loadshed

import "sync/atomic"

// Gate lets a bounded number of requests in at a time. It is safe for concurrent use.
type Gate struct {
	limit    int64
	inFlight atomic.Int64
	refused  atomic.Uint64
}

// Stats is what a gate does and has done.
type Stats struct {
	// Limit is how many may be in at a time; 0 is no limit.
	Limit int64
	// InFlight is how many are in now.
	InFlight int64
	// Refused is how many were turned away since the process began.
	Refused uint64
}

// New returns a gate that lets limit requests in at a time; 0 is no limit.
func New(limit int) *Gate {
	return &Gate{limit: int64(limit), inFlight: atomic.Int64{}, refused: atomic.Uint64{}}
}

// Enter reports whether there was room, without waiting. Whoever got in must call Leave.
func (g *Gate) Enter() bool {
	for {
		inside := g.inFlight.Load()
		if g.limit > 0 && inside >= g.limit {
			g.refused.Add(1)

			return false
		}

		if g.inFlight.CompareAndSwap(inside, inside+1) {
			return true
		}
	}
}

// Leave makes room.
func (g *Gate) Leave() { g.inFlight.Add(-1) }

// Stats returns the numbers of this moment.
func (g *Gate) Stats() Stats {
	return Stats{Limit: g.limit, InFlight: g.inFlight.Load(), Refused: g.refused.Load()}
}
