package database

import (
	"context"
	"fmt"
)

// exec runs a statement in the transaction of the context or, where there is none, on the pool. It returns how many rows changed.
func (d *DB) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := d.in(ctx).ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}

	changed, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}

	return changed, nil
}
