package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_RefusesWhatItCanNotFollow(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"nothing":             {args: nil, want: "a command is missing"},
		"unknown command":     {args: []string{"upp"}, want: `unknown command "upp"`},
		"too much":            {args: []string{"up", "now"}, want: `up takes no "now"`},
		"a flag of another":   {args: []string{"up", "--production"}, want: `up takes no "--production"`},
		"an unknown flag":     {args: []string{"down", "--all"}, want: `down takes no "--all"`},
		"more than is needed": {args: []string{"down", "--production", "2"}, want: "down takes no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out bytes.Buffer

			err := run(t.Context(), test.args, &out, &out)
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, out.String())
		})
	}
}

func TestRun_HelpNeedsNoDatabase(t *testing.T) {
	t.Parallel()

	for _, arg := range []string{"help", "-h", "--help"} {
		var out bytes.Buffer

		require.NoError(t, run(t.Context(), []string{arg}, &out, &out))
		assert.Equal(t, usage, out.String())
	}
}

func TestRun_ProductionKeepsItsDataUnlessToldOtherwise(t *testing.T) {
	t.Setenv("APP_ENV", "production")
	t.Setenv("EMAIL_SENDER", "none")
	t.Setenv("DATABASE_URL", "postgres://service:V3ryS3cret@127.0.0.1:1/db?sslmode=require")
	t.Setenv("DB_CONNECT_TIMEOUT", "1ms")

	var out bytes.Buffer

	err := run(t.Context(), []string{"down"}, &out, &out)
	require.ErrorIs(t, err, errUsage)
	require.ErrorContains(t, err, "--production")

	// With the flag it gets as far as the database, which is not there.
	err = run(t.Context(), []string{"down", "--production"}, &out, &out)
	require.NotErrorIs(t, err, errUsage)
	require.ErrorContains(t, err, "connect to the database")
	assert.NotContains(t, err.Error()+out.String(), "V3ryS3cret")
}

func TestRun_NamesTheVariableThatIsWrong(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://service:V3ryS3cret@127.0.0.1:port/db")

	var out bytes.Buffer

	err := run(t.Context(), []string{"up"}, &out, &out)
	require.ErrorContains(t, err, "DATABASE_URL")
	assert.NotContains(t, err.Error(), "V3ryS3cret")
}
