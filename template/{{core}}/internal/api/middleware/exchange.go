// Package middleware holds what happens to every request before and after its handler. It knows no framework: a router
// shows it each request and its answer as an Exchange.
package middleware

import (
	"context"
	"net/netip"
	"slices"
)

// Unmatched is the route of a request that no route took.
const Unmatched = "unmatched"

// Exchange is one request and the answer to it. It belongs to one goroutine, and ends with the request.
type Exchange interface { //nolint:interfacebloat // it stands for a request and an answer, which have more to them
	// Context is what the handler will get; SetContext replaces it.
	Context() context.Context
	SetContext(ctx context.Context)

	// Peer is the address of whoever opened the connection: the client, or a proxy. It is the zero Addr when that has none.
	Peer() netip.Addr
	Method() string
	// Path is the path as it was sent, escaped.
	Path() string
	// Query is the query as it was sent, without the question mark.
	Query() string
	// Route is the template of the path, such as /v1/users/{id}, or Unmatched.
	Route() string
	// RequestHeader returns the value of a header of the request, or "".
	RequestHeader(name string) string
	// RequestHeaders returns the value of each line of a header of the request, in the order they came.
	RequestHeaders(name string) []string
	// Body returns the body of the request, or problem.BodyTooLarge. It can be called more than once.
	Body() ([]byte, error)

	// SetHeader sets a header of the answer.
	SetHeader(name, value string)
	// Respond replaces the answer written so far; its headers stay, but for the type of the content.
	Respond(status int, contentType string, body []byte)
	// Status and Bytes tell about the answer as it stands: its status, and how many bytes of body are sent.
	Status() int
	Bytes() int
}

// Middleware does something before or after next, which is the rest of the way to the handler and back. Once it has
// answered an error it still returns it, for the middleware around it to see.
type Middleware func(x Exchange, next func() error) error

// Chain returns a middleware that does what all do, the first outermost.
func Chain(all ...Middleware) Middleware {
	return func(x Exchange, next func() error) error {
		for _, middleware := range slices.Backward(all) {
			inner := next
			next = func() error { return middleware(x, inner) }
		}

		return next()
	}
}

// If returns a middleware when it is wanted, else one that does nothing.
func If(wanted bool, middleware Middleware) Middleware {
	if wanted {
		return middleware
	}

	return func(_ Exchange, next func() error) error { return next() }
}
