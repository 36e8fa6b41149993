package redisclient

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrPanic is returned for an operation that has panicked.
var ErrPanic = errors.New("the client of Redis has panicked")

// Recovered runs an operation, and returns a panic of it as an error with the stack: the client panics at some answers that no Redis
// gives, such as a text of a length that no memory holds.
func Recovered(operation func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("%w: %v\n\n%s", ErrPanic, value, debug.Stack())
		}
	}()

	return operation()
}
