package clientaddr

import (
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose word about the client is taken. With none, nobody's is.
type Proxies []netip.Prefix

// Client returns who sent a request that came from peer. Only a proxy is believed, and it only knows who came to it: so the
// chain of addresses is followed from its end, and the first that is no proxy is the client. What stands before it was
// written by the client itself. A part that is no address ends the chain at the proxy that added it.
//
// The chain is in the values of X-Forwarded-For or of Forwarded (RFC 7239), one for each line of the header. A proxy writes one
// of them and passes the other on as the client sent it: when they disagree, neither is believed.
func (p Proxies) Client(peer netip.Addr, xForwardedFor, forwarded []string) netip.Addr {
	peer = Clean(peer)

	switch {
	case !p.hold(peer), len(xForwardedFor) == 0 && len(forwarded) == 0:
		return peer
	case len(forwarded) == 0:
		return p.follow(peer, splitList(xForwardedFor))
	case len(xForwardedFor) == 0:
		return p.follow(peer, splitForwarded(forwarded))
	}

	one, other := p.follow(peer, splitList(xForwardedFor)), p.follow(peer, splitForwarded(forwarded))
	if one != other {
		return peer
	}

	return one
}

func (p Proxies) hold(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// follow goes back through the hops as long as each is a proxy.
func (p Proxies) follow(peer netip.Addr, hops []string) netip.Addr {
	client := peer

	for _, hop := range slices.Backward(hops) {
		if !p.hold(client) {
			break
		}

		address, ok := parse(hop)
		if !ok {
			break
		}

		client = address
	}

	return client
}

// parse reads an address, which may have a port.
func parse(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)

	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return Clean(withPort.Addr()), true
	}

	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}

	address, err := netip.ParseAddr(text)

	return Clean(address), err == nil
}

// splitList returns the elements of a header that is a list.
func splitList(lines []string) []string {
	return strings.Split(strings.Join(lines, ","), ",")
}

// splitForwarded returns what each element of a Forwarded header says of for, or nothing when the header is malformed: behind a
// quote that is not closed, what a proxy added could be read as a part of what its client sent.
func splitForwarded(lines []string) []string {
	var (
		hops []string
		hop  string
		rest = strings.Join(lines, ",")
	)

	for {
		name, value, after, ok := cutPair(rest)
		if !ok {
			return nil
		}

		if strings.EqualFold(name, "for") {
			hop = value
		}

		if after == "" {
			return append(hops, hop)
		}

		if after[0] == ',' {
			hops, hop = append(hops, hop), ""
		}

		rest = after[1:]
	}
}

// cutPair cuts the first parameter of Forwarded from what follows it, which is nothing or begins with the separator.
func cutPair(text string) (name, value, after string, ok bool) { //nolint:revive // four parts are what there is
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return "", "", "", false
	}

	if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
		value, rest, ok = strings.Cut(quoted, `"`)
		rest = strings.TrimLeft(rest, " \t")

		// An escape has no place in an address, and hides where the quote ends.
		ok = ok && !strings.Contains(value, `\`) && (rest == "" || rest[0] == ',' || rest[0] == ';')

		return strings.TrimSpace(name), value, rest, ok
	}

	end := strings.IndexAny(rest, ",;")
	if end < 0 {
		end = len(rest)
	}

	value = rest[:end]

	return strings.TrimSpace(name), strings.TrimSpace(value), rest[end:], !strings.ContainsAny(name+value, `"`)
}
