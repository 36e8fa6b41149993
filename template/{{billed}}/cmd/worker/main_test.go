package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// waitFor bounds a wait for something that takes a moment, and tick is how often to look.
	waitFor = 15 * time.Second
	tick    = 10 * time.Millisecond
)

// hunter2 is the password of the database; it must appear nowhere.
const hunter2 = "hunter2"

// setenv sets what a worker needs to start, and returns the address of its pages. Nothing answers at the address of the database.
func setenv(t *testing.T, more map[string]string) string {
	t.Helper()
	t.Chdir(t.TempDir()) // no .env

	free := listen(t)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())

	variables := map[string]string{
		"WORKER_ADMIN_PORT": port,
		"DATABASE_URL":      "postgres://app:" + hunter2 + "@127.0.0.1:1/app?sslmode=disable",
	}
	maps.Copy(variables, more)

	for name, value := range variables {
		t.Setenv(name, value)
	}

	return "http://127.0.0.1:" + os.Getenv("WORKER_ADMIN_PORT")
}

// listen opens a port below those that systems give to clients: it can be closed and opened again without one of them in between.
func listen(t *testing.T) net.Listener {
	t.Helper()

	const first, ports = 23_000, 9_000

	var failed error

	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(ports)))

		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err == nil {
			return listener
		}

		failed = err
	}

	require.NoError(t, failed)

	return nil
}

// start runs the worker until the test stops it, and returns what ends it and what it returned.
func start(t *testing.T, out io.Writer) (context.CancelFunc, <-chan error) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	ended := make(chan struct{})

	go func() {
		defer close(ended)

		done <- run(ctx, out)
	}()

	t.Cleanup(func() {
		cancel()
		<-ended
	})

	return cancel, done
}

// wait returns what run returned, well before the shutdown timeout would have ended it.
func wait(t *testing.T, done <-chan error) error {
	t.Helper()

	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		require.FailNow(t, "run did not return")

		return nil
	}
}

// page is what the worker answers about its state, and the status of the answer.
type page struct {
	state

	status int
	body   string
}

// try asks once, on a new connection.
func try(ctx context.Context, url string) (page, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return page{}, err
	}

	response, err := client.Do(request)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()

	text, err := io.ReadAll(response.Body)
	got := page{status: response.StatusCode, body: string(text)}
	_ = json.Unmarshal(text, &got.state)

	return got, err
}

// get asks until something answers.
func get(t *testing.T, url string) page {
	t.Helper()

	var got page

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error

		got, err = try(t.Context(), url)
		require.NoError(c, err)
	}, waitFor, tick)

	return got
}

func TestRun_AConfigurationWithProblemsEndsTheStart(t *testing.T) {
	setenv(t, map[string]string{"WORKER_CONCURRENCY": "many", "PAYMENT_PROVIDER": "stripe"})

	var out bytes.Buffer

	err := run(t.Context(), &out)

	require.ErrorContains(t, err, "WORKER_CONCURRENCY")
	require.ErrorContains(t, err, "STRIPE_SECRET_KEY")
	assert.NotContains(t, err.Error(), "\n", "one line")
	assert.Empty(t, out.String(), "nothing was started")
}

func TestRun_NeedsNothingThatRequestsNeed(t *testing.T) {
	url := setenv(t, map[string]string{"SERVER_PORT": "none", "RATE_LIMIT_REQUESTS": "none"})
	stop, done := start(t, io.Discard)

	assert.Equal(t, http.StatusOK, get(t, url+"/health/live").status)
	stop()
	require.NoError(t, wait(t, done))
}

func TestRun_AnswersProbesWhileItWaitsForTheDatabase(t *testing.T) {
	url := setenv(t, nil)
	stop, done := start(t, io.Discard)

	live := get(t, url+"/health/live")
	assert.Equal(t, http.StatusOK, live.status)
	assert.Equal(t, "ok", live.Status)

	ready := get(t, url+"/health/ready")
	assert.Equal(t, http.StatusServiceUnavailable, ready.status)
	assert.Equal(t, "not_ready", ready.Status)
	assert.Equal(t, failure{Field: "startup", Code: "not_ready"}, ready.Errors[0])
	assert.NotContains(t, ready.body, hunter2)

	stop()
	require.NoError(t, wait(t, done), "stopping while it starts is no failure")
}

func TestRun_EndsWhenTheDatabaseDoesNotAnswerInTime(t *testing.T) {
	setenv(t, map[string]string{"DB_CONNECT_TIMEOUT": "300ms"})

	var out bytes.Buffer

	err := run(t.Context(), &out)

	require.ErrorContains(t, err, "connect to the database")
	assert.NotContains(t, err.Error(), "\n", "one line")
	assert.NotContains(t, err.Error()+out.String(), hunter2)
}

func TestRun_EndsWhenItsPortIsTaken(t *testing.T) {
	taken := listen(t)

	defer func() { require.NoError(t, taken.Close()) }()

	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	setenv(t, map[string]string{"WORKER_ADMIN_PORT": port})

	err = run(t.Context(), io.Discard)
	require.ErrorContains(t, err, "listen")
	require.ErrorContains(t, err, ":"+port)
}
