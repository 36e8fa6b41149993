package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// CleanUp deletes sessions and attempts to log in that are over. Nothing depends on it but the size of the tables. Where one can't
// be deleted, the other is.
func CleanUp(ctx context.Context, sessions Sessions, attempts Attempts) error {
	var (
		at     = time.Now()
		failed []error
	)

	if err := attempts.DeleteBefore(ctx, at.Add(-Window)); err != nil { // first, as there are few, and of sessions there can be many
		failed = append(failed, fmt.Errorf("delete old attempts: %w", err))
	}

	if err := sessions.DeleteExpired(ctx, at); err != nil {
		failed = append(failed, fmt.Errorf("delete expired sessions: %w", err))
	}

	return errors.Join(failed...)
}
