package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// waitFor bounds a wait for something that takes a moment, and tick is how often to look.
	waitFor = 10 * time.Second
	tick    = 10 * time.Millisecond
)

// hunter2 is the password of the database; it must appear nowhere.
const hunter2 = "hunter2"

// setenv sets what a service needs to start, and returns its address. Nothing answers at the address of the database.
func setenv(t *testing.T, more map[string]string) string {
	t.Helper()
	t.Chdir(t.TempDir()) // no .env

	ports := freePorts(t)
	port, closed := ports[0], ports[2]
	variables := map[string]string{
		"SERVER_PORT":           port,
		"ADMIN_PORT":            ports[1],
		"SERVER_SHUTDOWN_DELAY": "0s",
		"DATABASE_URL":          "postgres://app:" + hunter2 + "@127.0.0.1:" + closed + "/app?sslmode=disable",
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}

	for name, value := range more {
		t.Setenv(name, value)
	}

	return "http://127.0.0.1:" + port
}

// freePorts returns ports that nothing listens on, each another.
func freePorts(t *testing.T) [3]string {
	t.Helper()

	var (
		ports     [3]string
		listeners [3]net.Listener
	)

	for i := range listeners { // all are open at once, so the ports differ
		listeners[i] = listen(t)

		var err error

		_, ports[i], err = net.SplitHostPort(listeners[i].Addr().String())
		require.NoError(t, err)
	}

	for _, listener := range listeners {
		require.NoError(t, listener.Close())
	}

	return ports
}

func listen(t *testing.T) net.Listener {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	return listener
}

// start runs the service until the test stops it, and returns what ends it and what it returned.
func start(t *testing.T) (context.CancelFunc, <-chan error) {
	t.Helper()

	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)

	done := make(chan error, 1)
	go func() { done <- run(ctx, io.Discard) }()

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

type answer struct {
	Status int    `json:"-"` // the status of the answer, not of the health it tells about
	Code   string `json:"code"`
	Errors []struct {
		Field string `json:"field"`
	} `json:"errors"`
}

// try asks once, on a new connection.
func try(ctx context.Context, url string) (answer, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}

	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()

	got := answer{Status: response.StatusCode}

	return got, json.NewDecoder(response.Body).Decode(&got)
}

// get asks until something answers.
func get(t *testing.T, url string) answer {
	t.Helper()

	var got answer

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error

		got, err = try(t.Context(), url)
		require.NoError(c, err)
	}, waitFor, tick)

	return got
}

func TestRun_AConfigurationWithProblemsEndsTheStart(t *testing.T) {
	setenv(t, map[string]string{"SERVER_PORT": "http", "LOG_LEVEL": "loud"})

	var out bytes.Buffer

	err := run(t.Context(), &out)

	require.ErrorContains(t, err, "SERVER_PORT")
	require.ErrorContains(t, err, "LOG_LEVEL")
	assert.NotContains(t, err.Error(), "\n", "one line")
	assert.Empty(t, out.String(), "nothing was started")
}

func TestRun_AnswersProbesWhileItWaitsForTheDatabase(t *testing.T) {
	url := setenv(t, nil)
	stop, done := start(t)

	assert.Equal(t, http.StatusOK, get(t, url+"/health/live").Status)

	ready := get(t, url+"/health/ready")
	assert.Equal(t, http.StatusServiceUnavailable, ready.Status)
	assert.Equal(t, "not_ready", ready.Code)
	require.NotEmpty(t, ready.Errors)
	assert.Equal(t, "startup", ready.Errors[0].Field)

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

func TestRun_EndsWhenAPortIsTaken(t *testing.T) {
	for _, variable := range []string{"SERVER_PORT", "ADMIN_PORT"} {
		t.Run(variable, func(t *testing.T) {
			listener := listen(t)

			defer func() { require.NoError(t, listener.Close()) }()

			_, port, err := net.SplitHostPort(listener.Addr().String())
			require.NoError(t, err)
			setenv(t, map[string]string{variable: port})

			err = run(t.Context(), io.Discard)
			require.ErrorContains(t, err, "listen")
			require.ErrorContains(t, err, ":"+port)
			assert.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

func TestRun_ServesTheAdminPagesOnTheirOwnPort(t *testing.T) {
	url := setenv(t, nil)
	admin := "http://127.0.0.1:" + os.Getenv("ADMIN_PORT")
	stop, done := start(t)
	get(t, url+"/health/live")

	assert.Equal(t, http.StatusOK, status(t, admin+"/debug/pprof/"))
	assert.Equal(t, http.StatusNotFound, status(t, url+"/debug/pprof/"), "clients do not see them")

	stop()
	require.NoError(t, wait(t, done))
}

// status returns the status of the answer to a GET.
func status(t *testing.T, url string) int {
	t.Helper()

	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)

	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	return response.StatusCode
}
