package database

import (
	"context"
	"time"
)

// That a row is over is asked again of the one that is deleted: a request may have renewed it while this waited for it.
//
//nolint:gosec // no credentials, but statements about them
const (
	deleteExpiredTokens = `
		DELETE FROM refresh_tokens
		WHERE expires_at <= $1 AND hash IN (SELECT hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)`

	deleteExpiredSessions = `
		DELETE FROM sessions
		WHERE expires_at <= $1 AND id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2)`

	deleteOldAttempts = `
		DELETE FROM login_attempts
		WHERE started_at < $1 AND key IN (SELECT key FROM login_attempts WHERE started_at < $1 LIMIT $2)`
)

// DeleteExpired implements auth.Sessions. The tokens go first: those of an expired session have all expired, and would go with it,
// however many, in one statement.
func (r *SessionRepository) DeleteExpired(ctx context.Context, at time.Time) error {
	if err := r.db.deleteAll(ctx, deleteExpiredTokens, at); err != nil {
		return sessionError(ctx, "delete expired refresh tokens", err)
	}

	if err := r.db.deleteAll(ctx, deleteExpiredSessions, at); err != nil {
		return sessionError(ctx, "delete expired sessions", err)
	}

	return nil
}

// DeleteBefore implements auth.Attempts.
func (r *AttemptRepository) DeleteBefore(ctx context.Context, at time.Time) error {
	if err := r.db.deleteAll(ctx, deleteOldAttempts, at); err != nil {
		return accountError(ctx, "delete old attempts", err)
	}

	return nil
}
