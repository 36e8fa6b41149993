// Package gateway is what the gateway in front of the service says about a request. It is believed: nothing but the gateway may reach
// the service, and the gateway must remove from requests of clients what it says itself.
package gateway

import "context"

// Header names the user who sends a request.
const Header = "X-User-Id"

// key is the type of the context key: no other package can have it.
type key struct{}

// WithUser returns a context that carries the user as the header has it.
func WithUser(ctx context.Context, header string) context.Context {
	return context.WithValue(ctx, key{}, header)
}

// User returns the user that the context carries, as the header had it, and whether there is one.
func User(ctx context.Context) (string, bool) {
	header, named := ctx.Value(key{}).(string)

	return header, named
}
