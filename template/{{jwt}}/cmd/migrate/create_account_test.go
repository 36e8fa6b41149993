package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCreateAccount_RefusesWhatItCanNotFollow(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		args []string
		want string
	}{
		"nothing":    {args: nil, want: "--email must say whose account"},
		"a password": {args: []string{"--email", "ada@example.com", "--password", "x"}, want: "not defined"},
		"too much":   {args: []string{"--email", "ada@example.com", "now"}, want: `takes no "now"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out bytes.Buffer

			err := run(t.Context(), append([]string{"create-account"}, test.args...), &out, &out)
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, out.String())
		})
	}
}
