//go:build unix

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStartRedis_BringsOneWhoseKeysEnd(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	t.Setenv("REDIS_ADDRESS", "")

	var environment []string

	stop, err := startRedis(nil, &environment)
	require.NoError(t, err)
	defer stop()

	require.Len(t, environment, 1)

	options, err := redis.ParseURL(strings.TrimPrefix(environment[0], "REDIS_URL="))
	require.NoError(t, err)

	client := redis.NewClient(options)
	defer client.Close()

	require.NoError(t, client.Set(t.Context(), "key", "value", 200*time.Millisecond).Err())
	require.NoError(t, client.Get(t.Context(), "key").Err())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		require.ErrorIs(c, client.Get(t.Context(), "key").Err(), redis.Nil)
	}, 10*time.Second, 10*time.Millisecond)

	stranger := redis.NewClient(&redis.Options{Addr: options.Addr})
	defer stranger.Close()

	require.Error(t, stranger.Get(t.Context(), "key").Err())
}

func TestStartRedis_LeavesAConfiguredOneAlone(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"by the environment": nil,
		"by .env":            {"REDIS_ADDRESS": "elsewhere:6379"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REDIS_URL", "")

			if settings == nil {
				t.Setenv("REDIS_URL", "redis://elsewhere")
			}

			var environment []string

			stop, err := startRedis(settings, &environment)
			require.NoError(t, err)
			stop()
			assert.Empty(t, environment)
		})
	}
}
