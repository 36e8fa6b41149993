package ratelimit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

const (
	// shards is how many parts of the keys can be looked up at the same time.
	shards = 16
	// generation is how many keys of a shard may come anew before those that have been silent for longest are forgotten.
	generation = 2048
)

// Local is a limiter that knows of its own process alone. It remembers 65,536 keys at most, in some 20 MB, and forgets first
// what has been silent for longest. It is safe for concurrent use, and never returns an error.
type Local struct {
	epoch  time.Time
	seed   maphash.Seed
	shards [shards]shard
}

var _ Limiter = (*Local)(nil)

// NewLocal returns a limiter that has counted nothing.
func NewLocal() *Local {
	return &Local{epoch: time.Now(), seed: maphash.MakeSeed(), shards: [shards]shard{}}
}

// Allow implements Limiter.
func (l *Local) Allow(_ context.Context, key string, limit Limit) (Decision, error) {
	s := &l.shards[maphash.String(l.seed, key)%shards]

	s.mu.Lock()
	defer s.mu.Unlock()

	now := time.Since(l.epoch) // monotonic

	return s.entry(identity{key: key, limit: limit.Name, window: limit.Window}, now).allow(limit, now), nil
}

type identity struct {
	key    string
	limit  string
	window time.Duration
}

// shard remembers entries in two generations: what was asked for is in the young one. When that is full or old, it becomes the
// old one, and what was there is forgotten.
type shard struct {
	mu         sync.Mutex
	young, old map[identity]*entry
	// born is when the young generation began, and lifespan how long an entry must be remembered after it was used.
	born     time.Duration
	lifespan time.Duration
}

func (s *shard) entry(id identity, now time.Duration) *entry {
	s.lifespan = max(s.lifespan, id.window+id.window/Parts)

	if s.young == nil || len(s.young) >= generation || now-s.born > s.lifespan {
		s.young, s.old, s.born = make(map[identity]*entry), s.young, now
	}

	e, ok := s.young[id]
	if ok {
		return e
	}

	if e, ok = s.old[id]; !ok {
		e = new(entry)
	}

	s.young[id] = e

	return e
}

// entry counts what was allowed in each part of a window, and in the part that is only partly in it.
type entry struct {
	// newest is the number of the last part that was counted, since the limiter began; its count is at newest % len(counts).
	newest int64
	counts [Parts + 1]int32
}

func (e *entry) allow(limit Limit, now time.Duration) Decision {
	part := max(limit.Window/Parts, 1)
	current := int64(now / part)
	used := e.advance(current)

	decision := Decision{Allowed: used < limit.Requests, Remaining: 0, Reset: limit.Window, Degraded: false}
	wanted := 1 // how many must come back until more are allowed than now

	if decision.Allowed {
		*e.at(current)++
		used++
	} else {
		wanted += used - limit.Requests // the limit may have been lowered
	}

	decision.Remaining = max(0, limit.Requests-used)

	for number := current - Parts; number <= current; number++ {
		if wanted -= int(*e.at(number)); wanted <= 0 {
			decision.Reset = time.Duration(number+Parts+1)*part - now

			break
		}
	}

	return decision
}

// advance forgets the parts that are over, and returns how much was allowed in the others.
func (e *entry) advance(current int64) int {
	for number := max(e.newest+1, current-Parts); number <= current; number++ {
		*e.at(number) = 0
	}

	e.newest = current

	used := 0
	for _, count := range e.counts {
		used += int(count)
	}

	return used
}

func (e *entry) at(number int64) *int32 {
	return &e.counts[(number+Parts+1)%(Parts+1)] // the first numbers are negative
}
