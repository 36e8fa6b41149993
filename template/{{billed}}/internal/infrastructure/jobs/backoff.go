package jobs

import (
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river/rivertype"
)

const (
	// firstWait is the longest pause after a first failure. It doubles with each, up to longestWait.
	firstWait   = time.Second
	longestWait = 5 * time.Minute
)

// backoff waits longer after each failure, and never as long as another job does: half of the pause is left to chance.
type backoff struct{}

// NextRetry implements river.ClientRetryPolicy.
func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().UTC().Add(wait(len(job.Errors) + 1))
}

// wait returns the pause after a number of failures.
func wait(failures int) time.Duration {
	pause := firstWait
	for range failures - 1 {
		if pause *= 2; pause >= longestWait {
			pause = longestWait

			break
		}
	}

	return pause/2 + rand.N(pause/2) //nolint:gosec // chance, not secrecy
}
