//go:build unix

package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// startRedis runs a Redis in the memory of this process, unless one is configured here or in .env, and adds its URL to the
// environment of the command. Its data end with it.
func startRedis(settings map[string]string, environment *[]string) (stop func(), err error) {
	for _, name := range []string{"REDIS_URL", "REDIS_ADDRESS"} {
		if os.Getenv(name) != "" || settings[name] != "" {
			return func() {}, nil
		}
	}

	server := miniredis.NewMiniRedis()
	password := rand.Text() // everyone on this machine can reach its port
	server.RequireAuth(password)

	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}

	ended := make(chan struct{})

	go passTime(server, ended)

	address := "redis://:" + password + "@" + server.Addr() + "/0"
	*environment = append(*environment, "REDIS_URL="+address)

	fmt.Fprintln(os.Stderr, "devdb: REDIS_URL="+address)

	return func() {
		close(ended)
		server.Close()
	}, nil
}

// passTime lets keys end: the time of this Redis does not pass by itself.
func passTime(server *miniredis.Miniredis, ended <-chan struct{}) {
	const step = 100 * time.Millisecond

	tick := time.NewTicker(step)
	defer tick.Stop()

	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			server.FastForward(step)
		}
	}
}
