package problem

import (
	"context"
	"maps"
)

// key is the type of the context key: no other package can have it.
type key struct{}

// With returns a context whose problems have one more member (RFC 9457, section 3.2), which the API's document must know.
func With(ctx context.Context, name, value string) context.Context {
	members := maps.Clone(membersOf(ctx))
	members[name] = value

	return context.WithValue(ctx, key{}, members)
}

func membersOf(ctx context.Context) map[string]string {
	members, ok := ctx.Value(key{}).(map[string]string)
	if !ok {
		return map[string]string{}
	}

	return members
}
