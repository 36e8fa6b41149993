package password

import (
	"context"
	"runtime"
)

// Occupy takes every turn of a hasher, and returns a function that gives them back.
func Occupy(h *Hasher) (release func()) {
	turns := int64(runtime.GOMAXPROCS(0))
	if err := h.turns.Acquire(context.Background(), turns); err != nil {
		panic(err)
	}

	return func() { h.turns.Release(turns) }
}
