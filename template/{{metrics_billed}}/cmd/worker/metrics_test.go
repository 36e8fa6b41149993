package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_SaysThatItKnowsNothingWithoutTheDatabase(t *testing.T) {
	url := setenv(t, nil)
	stop, done := start(t, io.Discard)
	page := get(t, url+"/metrics")

	assert.Contains(t, page.body, "\njobs_oldest_seconds NaN\n", "0 would say that all is well")
	assert.Contains(t, page.body, "\noutbox_messages NaN\n")
	assert.Contains(t, page.body, "\njobs_given_up_total 0\n")

	stop()
	require.NoError(t, wait(t, done))
}
