package auth

import (
	"context"
	"fmt"
	"time"
)

// CleanUp deletes sessions and attempts to log in that are over. Nothing depends on it but the size of the tables.
func CleanUp(ctx context.Context, sessions Sessions, attempts Attempts) error {
	at := time.Now()

	if err := sessions.DeleteExpired(ctx, at); err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}

	if err := attempts.DeleteBefore(ctx, at.Add(-Window)); err != nil {
		return fmt.Errorf("delete old attempts: %w", err)
	}

	return nil
}
