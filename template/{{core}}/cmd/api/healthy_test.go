package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthy_SaysWhatProbesAreTold(t *testing.T) {
	url := setenv(t, nil)
	require.Error(t, healthy(t.Context(), io.Discard), "nothing runs")

	stop, done := start(t)
	get(t, url+"/health/live")
	require.ErrorContains(t, healthy(t.Context(), io.Discard), "503", "there is no database")

	stop()
	require.NoError(t, wait(t, done))
}
