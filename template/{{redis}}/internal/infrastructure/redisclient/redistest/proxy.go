//go:build integration

package redistest

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes bytes on between clients and a server, until it is told to do it badly. It ends with the test.
type Proxy struct {
	address string
	target  string

	mu      sync.Mutex
	changed *sync.Cond
	mode    mode
	delay   time.Duration
	open    map[net.Conn]struct{}
}

type mode int

const (
	passing mode = iota
	cut
	hanging
)

func newProxy(t testing.TB, target string) *Proxy {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}

	p := &Proxy{address: listener.Addr().String(), target: target, open: map[net.Conn]struct{}{}}
	p.changed = sync.NewCond(&p.mu)

	var running sync.WaitGroup

	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}

			running.Go(func() { p.serve(client) })
		}
	})

	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		running.Wait()
	})

	return p
}

// Cut ends all connections, and each new one at once, like a server that is gone.
func (p *Proxy) Cut() { p.set(cut, 0) }

// Hang keeps connections open and passes nothing on, like a server that is stopped.
func (p *Proxy) Hang() { p.set(hanging, 0) }

// Delay passes answers on only after a while.
func (p *Proxy) Delay(delay time.Duration) { p.set(passing, delay) }

// Heal passes everything on again, also what was held back.
func (p *Proxy) Heal() { p.set(passing, 0) }

func (p *Proxy) set(m mode, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.mode, p.delay = m, delay
	p.changed.Broadcast()

	if m == cut {
		for conn := range p.open {
			_ = conn.Close()
		}
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()

	upstream, err := new(net.Dialer).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	defer upstream.Close()

	if !p.add(client, upstream) {
		return
	}
	defer p.remove(client, upstream)

	var both sync.WaitGroup

	both.Go(func() { p.pass(upstream, client, false) })
	both.Go(func() { p.pass(client, upstream, true) })
	both.Wait()
}

func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	for _, conn := range conns {
		p.open[conn] = struct{}{}
	}

	return p.mode != cut
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()

	for _, conn := range conns {
		delete(p.open, conn)
	}
}

// pass copies one direction until either end closes, and closes the other then.
func (p *Proxy) pass(to, from net.Conn, answers bool) {
	defer to.Close()

	buffer := make([]byte, 32<<10)

	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.held(answers) {
			if _, writeErr := to.Write(buffer[:n]); writeErr != nil {
				return
			}
		}

		if err != nil || n == 0 {
			return
		}
	}
}

// held waits as long as the proxy is told to, and reports whether nothing is to be passed on any more.
func (p *Proxy) held(answers bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()

	if answers && p.delay > 0 {
		delay := p.delay

		p.mu.Unlock()
		time.Sleep(delay)
		p.mu.Lock()
	}

	for p.mode == hanging {
		p.changed.Wait()
	}

	return p.mode == cut
}
