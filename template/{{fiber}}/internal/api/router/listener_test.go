package router

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// full has no file descriptor for any connection.
type full struct{ net.Listener }

func (full) Accept() (net.Conn, error) {
	return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func (full) Close() error { return nil }

func TestListener_PausesLongerEachTimeUntilItIsClosed(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.WarnLevel)
		l := newListener(full{}, zap.New(core))
		accepted := make(chan error, 1)

		go func() {
			_, err := l.Accept()
			accepted <- err
		}()

		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()

		pauses := make([]time.Duration, 0, logs.Len())
		for _, entry := range logs.All() {
			pause, ok := entry.ContextMap()["retry_after"].(time.Duration)
			require.True(t, ok)

			pauses = append(pauses, pause/time.Millisecond)
		}

		assert.Equal(t, []time.Duration{5, 10, 20, 40, 80, 160, 320, 640, 1000}, pauses)

		closing := time.Now()

		require.NoError(t, l.Close())
		require.ErrorIs(t, <-accepted, net.ErrClosed)
		assert.Equal(t, closing, time.Now(), "it does not wait for the end of the pause")
	})
}

func TestPasses(t *testing.T) {
	t.Parallel()

	accept := func(err error) error { return &net.OpError{Op: "accept", Err: err} }

	tests := map[string]struct {
		err  error
		want bool
	}{
		"no descriptor of the process": {err: accept(os.NewSyscallError("accept4", syscall.EMFILE)), want: true},
		"no descriptor of the machine": {err: accept(os.NewSyscallError("accept4", syscall.ENFILE)), want: true},
		"closed":                       {err: accept(net.ErrClosed), want: false},
		"not a listener":               {err: accept(os.NewSyscallError("accept4", syscall.EINVAL)), want: false},
		"another error":                {err: errors.ErrUnsupported, want: false},
		"none":                         {err: nil, want: false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			assert.Equal(t, test.want, passes(test.err))
		})
	}
}
