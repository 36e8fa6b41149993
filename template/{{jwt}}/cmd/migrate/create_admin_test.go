package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreateAdmin_RefusesWhatItCanNotFollow(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"nothing":           {args: nil, want: "the --username is required; the --email is required"},
		"no email":          {args: []string{"--username", "ada"}, want: "the --email is required"},
		"no address":        {args: []string{"--username", "ada", "--email", "ada"}, want: "the --email must be an email address"},
		"no name":           {args: []string{"--username", "a b", "--email", "ada@example.com"}, want: "the --username must be 3 to 20 letters"},
		"a password":        {args: []string{"--username", "ada", "--email", "ada@example.com", "--password", "x"}, want: "not defined"},
		"too much":          {args: []string{"--username", "ada", "--email", "ada@example.com", "now"}, want: `takes no "now"`},
		"a flag alone":      {args: []string{"--username"}, want: "needs an argument"},
		"a flag of another": {args: []string{"--production"}, want: "not defined"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out bytes.Buffer

			err := run(t.Context(), append([]string{"create-admin"}, test.args...), &out, &out)
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, out.String())
		})
	}
}
