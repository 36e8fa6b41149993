// Package signed carries the body of a request as it came: what is signed is signed byte for byte.
package signed

import "context"

// key is the type of the context key: no other package can have it.
type key struct{}

// WithBody returns a context that carries a body.
func WithBody(ctx context.Context, body []byte) context.Context {
	return context.WithValue(ctx, key{}, body)
}

// Body returns the body that the context carries, or nothing.
func Body(ctx context.Context) []byte {
	body, _ := ctx.Value(key{}).([]byte) //nolint:errcheck,revive // no body is nil

	return body
}
