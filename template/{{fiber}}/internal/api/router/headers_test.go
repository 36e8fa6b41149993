package router

import (
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// TestHeaders_LeaveWithTheirRequests has clients leave in the ways that fasthttp does not tell of.
func TestHeaders_LeaveWithTheirRequests(t *testing.T) {
	t.Parallel()

	reading := new(headers)
	silent := func(*fasthttp.RequestCtx, error) { assert.Fail(t, "fasthttp tells of it: it can be forgotten then") }
	received := 0
	server := &fasthttp.Server{
		HeaderReceived: func(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
			reading.keep(header)

			received++

			return fasthttp.RequestConfig{ReadTimeout: time.Minute}
		},
		ErrorHandler: silent,
		Handler:      func(ctx *fasthttp.RequestCtx) { silent(ctx, nil) },
	}

	const clients = 20

	for range clients {
		for _, more := range []string{"", "Expect: 100-continue\r\n"} {
			client, conn := net.Pipe()
			served := make(chan struct{})

			go func() {
				defer close(served)

				_ = server.ServeConn(conn) // it can't write that the client may continue
			}()

			_, err := client.Write([]byte("POST /v1/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + more + "\r\n"))
			require.NoError(t, err)
			require.NoError(t, client.Close())
			<-served
		}
	}

	require.Equal(t, 2*clients, received)
	assert.Eventually(t, func() bool {
		runtime.GC()

		left := 0
		reading.kept.Range(func(any, any) bool {
			left++

			return true
		})

		return left == 0
	}, 10*time.Second, 10*time.Millisecond, "nothing is left once fasthttp has no use for the requests")
}
