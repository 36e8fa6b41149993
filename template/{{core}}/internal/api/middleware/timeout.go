package middleware

import (
	"context"
	"time"
)

// Timeout ends the context of a request after a while. A handler that returns the error of its context is answered as a
// timeout.
func Timeout(limit time.Duration) Middleware {
	return func(x Exchange, next func() error) error {
		ctx, cancel := context.WithTimeout(x.Context(), limit)
		defer cancel()

		x.SetContext(ctx)

		return next()
	}
}
