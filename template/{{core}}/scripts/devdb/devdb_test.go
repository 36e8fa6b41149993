//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stopper is a server that counts how often it is stopped.
type stopper struct {
	stopped int
	err     error
}

func (s *stopper) Stop() error {
	s.stopped++

	return s.err
}

func TestMarkComplete_StopsTheServerWhenItCannot(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()

	server := &stopper{stopped: 0, err: nil}
	require.NoError(t, markComplete(filepath.Join(folder, "complete"), server))
	assert.Zero(t, server.stopped)

	server = &stopper{stopped: 0, err: errors.New("it hangs")}
	err := markComplete(filepath.Join(folder, "none", "complete"), server)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, err, server.err)
	assert.Equal(t, 1, server.stopped)
}

func TestReadAddress(t *testing.T) {
	t.Parallel()

	address, err := readAddress(strings.NewReader("postgres://here/db\n"))
	require.NoError(t, err)
	assert.Equal(t, "postgres://here/db", address)

	// A server that ends well says nothing else that could be reported.
	_, err = readAddress(strings.NewReader(""))
	require.ErrorIs(t, err, io.EOF)
}

// What devdb does not look at would be ignored without a word, because it sets DATABASE_URL.
func TestExample_SetsNothingThatDevdbOverrides(t *testing.T) {
	t.Parallel()

	settings, err := godotenv.Read("../../.env.example")
	require.NoError(t, err)
	require.NotEmpty(t, settings)

	for name := range settings {
		assert.False(t, strings.HasPrefix(name, "DB_"), name)
	}
}

// devdb applies migrations before it starts air: a rebuild that embeds one more would never become ready.
func TestLiveReload_LeavesMigrationsToTheNextStart(t *testing.T) {
	t.Parallel()

	settings, err := os.ReadFile("../../.air.toml")
	require.NoError(t, err)
	assert.Regexp(t, `(?m)^include_ext = .*"go"`, string(settings))
	assert.NotRegexp(t, `(?m)^include_ext = .*"sql"`, string(settings))
}
