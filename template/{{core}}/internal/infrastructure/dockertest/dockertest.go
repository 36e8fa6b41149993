//go:build integration

// Package dockertest tells tests whether they can have containers.
package dockertest

import (
	"context"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// timeout bounds the question whether Docker is there.
const timeout = 3 * time.Second

// Answers reports whether Docker does.
func Answers(ctx context.Context) (answers bool) {
	defer func() {
		if recover() != nil { // testcontainers panics where it finds no address of Docker at all
			answers = false
		}
	}()

	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return false
	}
	defer provider.Close()

	return provider.Health(ctx) == nil
}
