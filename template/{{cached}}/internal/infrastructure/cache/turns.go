package cache

import "sync"

// turns lets those who want the same key go one after another. The zero value is ready for use.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// take waits until nobody has the key, takes it, and returns what gives it back.
func (t *turns) take(key string) (giveBack func()) {
	for {
		t.mu.Lock()

		before, busy := t.taken[key]
		if !busy {
			break
		}

		t.mu.Unlock()
		<-before
	}
	defer t.mu.Unlock()

	mine := make(chan struct{})

	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}

	t.taken[key] = mine

	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()

		delete(t.taken, key)
		close(mine)
	}
}
