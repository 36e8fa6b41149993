package database

import (
	"context"
	"fmt"
)

// exec runs a statement in the transaction of the context or, where there is none, on the pool. It returns how many rows changed.
func (d *DB) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	tag, err := d.in(ctx).Exec(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}

	return tag.RowsAffected(), nil
}
