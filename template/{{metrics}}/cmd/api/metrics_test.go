package main

import (
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_ShowsItsNumbersToAdminsOnly(t *testing.T) {
	url := setenv(t, map[string]string{"DB_MAX_CONNECTIONS": "7"})
	stop, done := start(t)
	get(t, url+"/health/live")

	numbers := scrape(t)
	assert.Contains(t, numbers, `http_requests_total{method="GET",route="/health/live",status="2xx"}`)
	assert.Contains(t, numbers, "\ndb_pool_connections_max 7\n")
	assert.Contains(t, numbers, "\ngo_goroutines ")
	assert.Contains(t, numbers, "\nhttp_shed_total 0\n")
	assert.Contains(t, numbers, `rate_limit_decisions_total{decision="refused"} 0`)
	assert.Contains(t, numbers, `version="dev"`)

	assert.Equal(t, http.StatusNotFound, status(t, url+"/metrics"), "clients do not see them")

	stop()
	require.NoError(t, wait(t, done))
}

// scrape returns what Prometheus would read.
func scrape(t *testing.T) string {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://127.0.0.1:"+os.Getenv("ADMIN_PORT")+"/metrics", http.NoBody)
	require.NoError(t, err)

	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	response, err := client.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)

	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	return string(text)
}
