// Package requestid names each request, so that an answer, the lines of the log and a report of a user can be put together.
package requestid

import (
	"context"

	"github.com/google/uuid"
)

// Header carries the identifier in requests and answers.
const Header = "X-Request-Id"

const longest = 128

// key is the type of the context key: no other package can have it.
type key struct{}

// New returns an identifier that sorts by time.
func New() string {
	return uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness, and then nothing works
}

// Keep returns the identifier a client sent when it is safe to store, log and send back, which is 1 to 128 letters, digits,
// dots, underscores and dashes of ASCII; otherwise a new one.
func Keep(sent string) string {
	if len(sent) == 0 || len(sent) > longest {
		return New()
	}

	for _, c := range []byte(sent) {
		if !safe(c) {
			return New()
		}
	}

	return sent
}

func safe(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}

// With returns a context that carries the identifier.
func With(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, key{}, id)
}

// From returns the identifier that the context carries, or "" when it carries none.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string) //nolint:errcheck,revive // no identifier is ""

	return id
}
