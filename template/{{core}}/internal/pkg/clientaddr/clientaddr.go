// Package clientaddr carries the address of the client through a request.
package clientaddr

import (
	"context"
	"net/netip"
)

type key struct{}

// With returns a context that knows the address of the client.
func With(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, key{}, address)
}

// From returns the address of the client, or the zero Addr when the context knows none.
func From(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(key{}).(netip.Addr) //nolint:errcheck // the zero Addr says that there is none

	return address
}
