package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestCleaner_WorksNowAndThenUntilItsContextEnds(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var times atomic.Int64

		core, logs := observer.New(zapcore.DebugLevel)
		c := &cleaner{log: zap.New(core), cleanUp: func(ctx context.Context) error {
			_, bounded := ctx.Deadline()
			assert.True(t, bounded)

			if times.Add(1) == 1 {
				return assert.AnError
			}

			return nil
		}}

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)

		go func() { done <- c.run(ctx) }()

		time.Sleep(24 * time.Hour)
		synctest.Wait()
		assert.InDelta(t, 24, times.Load(), 10)
		assert.Equal(t, 1, logs.Len(), "a failure is logged, and the next time comes")

		cancel()
		require.NoError(t, <-done)
	})
}
