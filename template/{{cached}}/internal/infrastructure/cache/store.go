// Package cache keeps what was read from the database for a while, so that it need not be read again.
//
// A Store keeps bytes. A Loader reads through a Store: it shares one read between callers that ask for the same at the same
// time, and makes sure that nothing read before a write is kept after it. Users is the repository of users behind a Loader.
package cache

import (
	"context"
	"errors"
	"time"
)

// ErrMiss is returned for a key that a Store does not have.
var ErrMiss = errors.New("cache: no such key")

// Store keeps bytes under keys for a limited time. It may forget any of them earlier. Implementations are safe for concurrent
// use. An error other than ErrMiss says that the Store can't be asked now; it is never a reason to fail a request.
type Store interface {
	// Get returns the value of a key, or ErrMiss. The caller must not change the bytes.
	Get(ctx context.Context, key string) ([]byte, error)
	// Set stores a value for at most ttl, which is 1 ms or more.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// SetNX is Set if there is no such key, and reports whether it was stored.
	SetNX(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error)
	// SetIf is Set if another key holds a given value, and reports whether it was stored. That key is then removed. A Delete
	// of both keys is either seen here, or removes what is stored here.
	SetIf(ctx context.Context, key string, value []byte, ttl time.Duration, guard Guard) (bool, error)
	// Delete removes keys, whether they exist or not, in the order given or all at once. When it returns nil, no Get that
	// starts later returns what they held.
	Delete(ctx context.Context, keys ...string) error
	// Stats returns what has happened so far at each level of the Store, the nearest first.
	Stats() []Level
}

// Guard is a key, and the value it must hold.
type Guard struct {
	Key   string
	Value []byte
}

// Level is what has happened at one level of a Store since the process started.
type Level struct {
	// Name says what the level is. There are few, and they never change.
	Name string
	// Hits and Misses count the keys that were asked for. Errors counts the operations that failed or were not tried.
	Hits, Misses, Errors uint64
	// Breaker is closed, half-open or open; empty at a level that can't fail.
	Breaker string
}
