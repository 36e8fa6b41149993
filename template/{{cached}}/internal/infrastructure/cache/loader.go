package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// guardSuffix makes the key that guards another.
	guardSuffix = ":guard"
	// held is the value of a guard that nobody's load can match.
	held = "held"
	// grace is how long a lease, or a hold, outlives the work it was taken for.
	grace = 10 * time.Second
	// spread is the part of a lifetime that is left to chance, so that entries made together don't end together.
	spread = 0.1
)

// Options say what a Loader keeps, and for how long.
type Options struct {
	// Service and Kind are the beginning of each key: who keeps it, and what it is.
	Service, Kind string
	// TTL bounds the life of an entry; some end a tenth earlier.
	TTL time.Duration
	// Absent is the error that says that there is no such value, and AbsentTTL how long that is remembered.
	Absent    error
	AbsentTTL time.Duration
	// LoadTimeout bounds one load. It does not end with the caller who happened to come first.
	LoadTimeout time.Duration
}

// Loader reads values through a Store: from there, or else by a load whose result is stored. It is safe for concurrent use.
//
// What it returns is never older than the last Change that returned before the call, because of three rules:
//   - A load whose result may be stored holds a lease: a guard with a value of its own. SetIf stores the result only while
//     the guard is as it was, and a Change removes the guard once the write has been committed.
//   - While a Change writes, it holds the guard, so that no lease is given. When the process dies in between, or does not
//     learn whether its write was committed, the hold outlives the write, and nothing wrong is stored; unless the process dies
//     after another Change has released the hold.
//   - A caller shares only a load that starts after it came. At most one load of a key runs, and one waits.
//
// A Store that can't be asked, or told of a write, may go on with an old value until it ends; see the Store.
type Loader[T any] struct {
	store   Store
	options Options
	prefix  string
	format  format[T]

	flights singleflight.Group
	turns   turns

	loads, coalesced atomic.Uint64
}

// NewLoader returns a Loader over a Store. Releases of a service share its keys whatever the shape of their T, so that a write by one
// reaches what another keeps.
func NewLoader[T any](store Store, options Options) *Loader[T] {
	return &Loader[T]{store: store, options: options, prefix: options.Service + ":" + options.Kind + ":", format: newFormat[T]()}
}

// Stats is what a Loader, and the Store under it, have done since the process started.
type Stats struct {
	// Loads counts the calls of load, Coalesced the callers who shared the work of another.
	Loads, Coalesced uint64
	// Levels are those of the Store, the nearest first.
	Levels []Level
}

// Stats returns a snapshot.
func (l *Loader[T]) Stats() Stats {
	return Stats{Loads: l.loads.Load(), Coalesced: l.coalesced.Load(), Levels: l.store.Stats()}
}

// result is what a flight brings to all who wait for it.
type result[T any] struct {
	// value is for the one who leads; the others decode the entry, so that no two callers share what T points to.
	value T
	entry []byte
	// absent says that there is no value.
	absent bool
	// crash, when set, is all there is.
	crash *crash
}

// crash is a panic of a load, on its way from the goroutine of the flight to those of the callers.
type crash struct {
	value any
	stack []byte
}

// Get returns the value of an id, by way of load when the Store does not have it. The error is that of load, or that of ctx.
// The context that load is given has the values of ctx, and ends after LoadTimeout.
func (l *Loader[T]) Get(ctx context.Context, id string, load func(context.Context) (T, error)) (T, error) {
	var none T

	key := l.prefix + id
	leads := false

	flight := l.flights.DoChan(key, func() (any, error) {
		leads = true

		defer l.turns.take(key)()
		// The load starts here: whoever comes from now on takes the next flight, which waits for this one.
		l.flights.Forget(key)

		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.options.LoadTimeout)
		defer cancel()

		return l.fetch(bounded, key, load)
	})

	select {
	case <-ctx.Done():
		return none, fmt.Errorf("wait for a %s: %w", l.options.Kind, ctx.Err())
	case landed := <-flight:
		if !leads {
			l.coalesced.Add(1)
		}

		if landed.Err != nil {
			return none, landed.Err
		}

		got, ok := landed.Val.(result[T])
		if !ok {
			return none, errEntry // can't happen
		}

		return l.unpack(got, leads)
	}
}

func (l *Loader[T]) unpack(got result[T], leads bool) (T, error) {
	switch {
	case got.crash != nil:
		panic(fmt.Sprintf("%v\n\n%s", got.crash.value, got.crash.stack))
	case got.absent:
		return got.value, l.options.Absent
	case leads:
		return got.value, nil
	default:
		value, _, err := l.format.decode(got.entry)

		return value, err
	}
}

// fetch is the work of one flight.
func (l *Loader[T]) fetch(ctx context.Context, key string, load func(context.Context) (T, error)) (result[T], error) {
	entry, err := l.store.Get(ctx, key)
	if err == nil {
		if value, ok, decodeErr := l.format.decode(entry); decodeErr == nil {
			return result[T]{value: value, entry: entry, absent: !ok, crash: nil}, nil
		}
		// An entry that can't be read, such as that of a release with another shape, is none.
	} else if !errors.Is(err, ErrMiss) {
		return l.load(ctx, load) // nothing can be stored either
	}

	guard := Guard{Key: key + guardSuffix, Value: []byte(rand.Text())}
	leased, _ := l.store.SetNX(ctx, guard.Key, guard.Value, lease(l.options.LoadTimeout)) //nolint:errcheck // then there is no lease

	loaded, err := l.load(ctx, load)
	if err == nil && leased && loaded.crash == nil {
		ttl := l.options.TTL
		if loaded.absent {
			ttl = l.options.AbsentTTL
		}

		_, _ = l.store.SetIf(ctx, key, loaded.entry, jittered(ttl), guard) //nolint:errcheck // then it is loaded again
	}

	return loaded, err
}

func (l *Loader[T]) load(ctx context.Context, load func(context.Context) (T, error)) (got result[T], err error) {
	defer func() {
		if value := recover(); value != nil { // a panic here would end the process: no middleware is above it
			got, err = result[T]{crash: &crash{value: value, stack: debug.Stack()}}, nil
		}
	}()

	l.loads.Add(1)

	value, err := load(ctx)
	if l.options.Absent != nil && errors.Is(err, l.options.Absent) {
		return result[T]{value: value, entry: []byte(absent), absent: true, crash: nil}, nil
	}

	if err != nil {
		return result[T]{}, err
	}

	entry, err := l.format.encode(value)

	return result[T]{value: value, entry: entry, absent: false, crash: nil}, err
}

// Change runs a write of the value of an id, and returns its error. When it returns nil, no Get that starts later returns what
// was there before the write.
func (l *Loader[T]) Change(ctx context.Context, id string, write func(context.Context) error) error {
	key := l.prefix + id
	isHeld := l.hold(ctx, key)

	err := write(ctx)
	isOver := err == nil || !isHeld

	// Else the write may have been committed, or may yet be: the value is held for as long as that can take. Another write may have
	// released the hold and let something be stored meanwhile, so it is taken anew. Where it can't be, a Store that fails at release
	// makes up for that.
	if isOver || !l.hold(context.WithoutCancel(ctx), key) {
		l.release(ctx, key)
	}

	return err
}

// hold keeps anything from being stored until release, and reports whether it could.
func (l *Loader[T]) hold(ctx context.Context, key string) bool {
	err := l.store.Set(ctx, key+guardSuffix, []byte(held), lease(l.options.LoadTimeout))
	if err == nil {
		err = l.store.Delete(ctx, key)
	}

	return err == nil
}

// release removes the guard as well, and with it the leases of those who loaded before.
func (l *Loader[T]) release(ctx context.Context, key string) {
	// The write is done, whether or not its caller still waits. A Store that fails says how it makes up for it.
	_ = l.store.Delete(context.WithoutCancel(ctx), key+guardSuffix, key) //nolint:errcheck // see above
}

// lease is how long a lease, or a hold, lasts.
func lease(loadTimeout time.Duration) time.Duration { return loadTimeout + grace }

func jittered(ttl time.Duration) time.Duration {
	return ttl - time.Duration(mathrand.Float64()*spread*float64(ttl)) //nolint:gosec // no secret
}
