package router

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// linger is how long a connection waits for what its client still sends after an answer that did not wait for all of the
// request, such as that it is too large. Closing at once would reset the connection, and the client could lose the answer.
// It is as long as in net/http.
const linger = 500 * time.Millisecond

// The pauses between tries to accept a connection, the first and the longest. They are as long as in net/http.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
)

// listener knows the connections it accepted, which fasthttp does not, so that a shutdown can end them.
type listener struct {
	net.Listener

	log    *zap.Logger
	close  func() error
	closed chan struct{}

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newListener(on net.Listener, log *zap.Logger) *listener {
	closed := make(chan struct{})
	closeOnce := sync.OnceValue(func() error {
		close(closed)

		return on.Close()
	})

	return &listener{Listener: on, log: log, close: closeOnce, closed: closed, open: make(map[*connection]struct{})}
}

// Accept waits for the next connection. It tries again after an error that passes, which fasthttp would end the server for.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.accept()
	if err != nil {
		return nil, err
	}

	c := &connection{Conn: accepted, of: l}

	l.mu.Lock()
	defer l.mu.Unlock()

	l.open[c] = struct{}{}

	return c, nil
}

// Close stops accepting; it can be called more than once.
func (l *listener) Close() error { return l.close() }

func (l *listener) accept() (net.Conn, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) { //nolint:mnd // it doubles
		accepted, err := l.Listener.Accept()
		if !passes(err) {
			return accepted, err //nolint:wrapcheck // as of a net.Listener
		}

		l.log.Warn("no connection could be accepted", zap.Error(err), zap.Duration("retry_after", pause))

		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(pause):
		}
	}
}

// closeConnections ends every connection, whatever is in flight on it.
func (l *listener) closeConnections() error {
	l.mu.Lock()
	defer l.mu.Unlock()

	errs := make([]error, 0, len(l.open))
	for c := range l.open {
		errs = append(errs, c.Conn.Close())
	}

	return errors.Join(errs...)
}

func (l *listener) forget(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()

	delete(l.open, c)
}

// temporary is implemented by the errors of package net.
type temporary interface {
	error

	Temporary() bool
}

// passes reports whether the listener may accept again after an error, such as that no file descriptor is free. It is what net/http
// goes by. Package net itself goes on to the next connection where a client went away before its own was accepted.
func passes(err error) bool {
	failed, ok := errors.AsType[temporary](err)

	return ok && failed.Temporary()
}

// connection closes in a way that lets the client read the last answer.
type connection struct {
	net.Conn

	of *listener
	// unread says that the last answer did not wait for all of the request.
	unread atomic.Bool
	// heard says that something was read, and failed is the last error of Read. Both are for the goroutine that reads.
	heard  bool
	failed error
}

// Read keeps the error as well: fasthttp shows a body that was broken off, or came too slowly, as a complete one, or as garbage. A
// connection on which nothing came ends like one that its client has closed: to all else fasthttp answers, although nobody has asked.
func (c *connection) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.heard = c.heard || n > 0

	if err != nil {
		c.failed = err
	}

	if err != nil && !c.heard {
		return 0, io.EOF
	}

	return n, err //nolint:wrapcheck // as of a net.Conn
}

// Close ends the connection.
func (c *connection) Close() error {
	c.of.forget(c)

	if c.unread.Load() {
		c.readOn()
	}

	return c.Conn.Close()
}

// wholeBody reads a body that comes by a connection. Where it ends with an error of that, it is not whole: for a body that is, the
// connection is not read again.
type wholeBody struct {
	stream io.Reader
	of     *connection
}

// Read implements io.Reader.
func (b wholeBody) Read(into []byte) (int, error) {
	n, err := b.stream.Read(into)

	switch {
	case err == nil || b.of.failed == nil:
		return n, err //nolint:wrapcheck // as of an io.Reader
	case errors.Is(b.of.failed, io.EOF):
		return n, io.ErrUnexpectedEOF
	default:
		return n, b.of.failed
	}
}

// readOn tells the client that no more answers come, and reads for a moment.
func (c *connection) readOn() {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil || tcp.SetReadDeadline(time.Now().Add(linger)) != nil {
		return
	}

	_, _ = io.Copy(io.Discard, tcp) //nolint:errcheck // whatever comes is of no use
}
