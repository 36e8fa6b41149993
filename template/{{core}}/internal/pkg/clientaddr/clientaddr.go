// Package clientaddr carries the address of the client through a request.
package clientaddr

import (
	"context"
	"net/netip"
)

// networkBits is how much of an IPv6 address names a client: every subscriber has at least a /64 to take addresses from.
const networkBits = 64

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

// Clean returns an address in its only form: IPv4 is not written as IPv6, and there is no zone, which is of one machine and of
// any length.
func Clean(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

// Network returns what to count a client by: its IPv4 address, or the network of its IPv6 address. It is "unknown" for the
// zero Addr.
func Network(address netip.Addr) string {
	address = Clean(address)

	switch {
	case !address.IsValid():
		return "unknown"
	case address.Is4():
		return address.String()
	default:
		return netip.PrefixFrom(address, networkBits).Masked().String()
	}
}
