//go:build integration && unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests run the command as its users do, since it may give up the rights of the process it runs in.

// devdb builds the command once for each test.
func devdb(t *testing.T) string {
	t.Helper()

	if os.Getenv("TEST_DATABASE_URL") != "" {
		t.Skip("TEST_DATABASE_URL is set: an embedded PostgreSQL is not wanted, and may not be to be had")
	}

	program := filepath.Join(t.TempDir(), "devdb")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	return program
}

// newFolder returns a folder that every user can enter, unlike that of t.TempDir.
func newFolder(t *testing.T) string {
	t.Helper()

	folder, err := os.MkdirTemp("", "devdb-test-") //nolint:usetesting // see above
	require.NoError(t, err)
	require.NoError(t, os.Chmod(folder, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })

	return folder
}

// process is a running devdb.
type process struct {
	*exec.Cmd

	input io.Closer
	// line is the first that it or its command printed.
	line string
	log  *bytes.Buffer
}

func start(t *testing.T, program, folder string, args ...string) process {
	t.Helper()

	p := process{Cmd: exec.CommandContext(t.Context(), program, args...), input: nil, line: "", log: &bytes.Buffer{}}
	p.Dir = folder
	p.Stderr = p.log

	var err error

	p.input, err = p.StdinPipe()
	require.NoError(t, err)

	output, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())

	p.line, err = bufio.NewReader(output).ReadString('\n')
	if err != nil { // only then, and once it has ended, can its log be read
		require.NoError(t, errors.Join(err, p.Wait()), p.log.String())
	}

	p.line = strings.TrimSpace(p.line)

	return p
}

func query(t *testing.T, address, statement string) (string, error) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())

	var text string

	return text, conn.QueryRow(t.Context(), statement).Scan(&text)
}

func TestServe_EndsWithItsInputAndLeavesNothing(t *testing.T) {
	t.Parallel()

	p := start(t, devdb(t), newFolder(t), "serve")

	conn, err := pgx.Connect(t.Context(), p.line)
	require.NoError(t, err)

	var data string

	require.NoError(t, conn.QueryRow(t.Context(), `SHOW data_directory`).Scan(&data))
	require.DirExists(t, data)

	// The connection is open still.
	require.NoError(t, p.input.Close())
	require.NoError(t, p.Wait(), p.log.String())
	require.Error(t, conn.Ping(t.Context()))

	_, err = pgx.Connect(t.Context(), p.line)
	require.Error(t, err)
	require.NoDirExists(t, filepath.Dir(data))
}

func TestServe_TakesOverWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()

	program, folder := devdb(t), newFolder(t)
	data := filepath.Join(folder, "data")

	killed := start(t, program, folder, "serve", "-folder", data)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())

	next := start(t, program, folder, "serve", "-folder", data)

	_, err := query(t, killed.line, `SELECT 'still there'`)
	require.Error(t, err)
	_, err = query(t, next.line, `SELECT 'there'`)
	require.NoError(t, err)

	require.NoError(t, next.input.Close())
	require.NoError(t, next.Wait(), next.log.String())
}

func TestDevdb_KeepsTheDataAndPassesSignalsOn(t *testing.T) {
	t.Parallel()

	program, folder := devdb(t), newFolder(t)
	printURL := []string{"--", "sh", "-c", `trap 'echo drained >&2; exit 7' TERM; echo "$DATABASE_URL"; while :; do sleep 0.1; done`}

	first := start(t, program, folder, printURL...)
	_, err := query(t, first.line,
		`INSERT INTO users (id, username, email) VALUES (gen_random_uuid(), 'ada', 'ada@example.com') RETURNING username`)
	require.NoError(t, err, "the migrations have been applied")

	second := exec.CommandContext(t.Context(), program, "--", "true")
	second.Dir = folder
	out, err := second.CombinedOutput()
	require.Error(t, err, "the data are in use")
	assert.Contains(t, string(out), "in use")

	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	require.Error(t, first.Wait())
	assert.Equal(t, 7, first.ProcessState.ExitCode(), "the code is that of the command")
	assert.Contains(t, first.log.String(), "drained")

	again := start(t, program, folder, printURL...)
	name, err := query(t, again.line, `SELECT username FROM users`)
	require.NoError(t, err)
	assert.Equal(t, "ada", name)
	require.NoError(t, again.Process.Signal(syscall.SIGINT))
	require.Error(t, again.Wait())
	assert.Equal(t, 128+int(syscall.SIGINT), again.ProcessState.ExitCode())
}

func TestDevdb_LeavesAConfiguredDatabaseAlone(t *testing.T) {
	t.Parallel()

	program := devdb(t)

	for name, configure := range map[string]func(*exec.Cmd){
		"by the environment": func(c *exec.Cmd) { c.Env = append(os.Environ(), "DATABASE_URL=postgres://elsewhere/db") },
		"by .env": func(c *exec.Cmd) {
			require.NoError(t, os.WriteFile(filepath.Join(c.Dir, ".env"), []byte("DATABASE_URL=postgres://elsewhere/db\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			command := exec.CommandContext(t.Context(), program, "--", "sh", "-c", `echo "[$DATABASE_URL]"`)
			command.Dir = newFolder(t)
			configure(command)

			out, err := command.Output()
			require.NoError(t, err)
			assert.Contains(t, []string{"[postgres://elsewhere/db]\n", "[]\n"}, string(out))
			assert.NoDirExists(t, filepath.Join(command.Dir, ".data"))
		})
	}
}

func TestDevdb_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()

	for _, args := range [][]string{nil, {"--"}, {"bin/api"}, {"serve", "extra"}} {
		code, err := run(args, strings.NewReader(""), io.Discard)
		require.ErrorIs(t, err, errUsage)
		assert.Equal(t, 2, code)
	}
}
