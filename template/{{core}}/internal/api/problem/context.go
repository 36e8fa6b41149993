package problem

import "context"

// key is the type of the context key: no other package can have it.
type key struct{}

// member is what a context adds to its problems, before what the contexts around it add.
type member struct {
	name, value string
	outer       *member
}

// With returns a context whose problems have one more member (RFC 9457, section 3.2), which the API's document must know.
func With(ctx context.Context, name, value string) context.Context {
	return context.WithValue(ctx, key{}, &member{name: name, value: value, outer: innermost(ctx)})
}

func innermost(ctx context.Context) *member {
	m, _ := ctx.Value(key{}).(*member) //nolint:errcheck,revive // none is nil

	return m
}

// membersOf is called for problems alone: With, which every request calls, has to be cheap.
func membersOf(ctx context.Context) map[string]string {
	members := make(map[string]string)

	for m := innermost(ctx); m != nil; m = m.outer {
		if _, replaced := members[m.name]; !replaced {
			members[m.name] = m.value
		}
	}

	return members
}
