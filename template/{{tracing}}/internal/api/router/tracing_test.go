package router_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrace_OfTheCallerIsNamedInProblemsAndInTheLog(t *testing.T) {
	t.Parallel()

	const id = "4bf92f3577b34da6a3ce929d0e0e4736"

	api := start(t, quick, nil)

	for _, target := range []string{"/nowhere", "/v1/users?limit=0"} {
		answer := api.Do(t, http.MethodGet, target, "", "traceparent: 00-"+id+"-00f067aa0ba902b7-01")

		var got struct {
			TraceID string `json:"trace_id"`
		}

		answer.Decode(t, &got)
		assert.Equal(t, id, got.TraceID, target)
	}

	lines := api.Logs.FilterMessage("request").All()
	require.Len(t, lines, 2)

	for _, line := range lines {
		assert.Equal(t, id, line.ContextMap()["trace_id"])
	}
}
