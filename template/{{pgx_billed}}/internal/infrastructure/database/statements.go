package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// exec runs a statement in the transaction of the context or, where there is none, on the pool. It returns how many rows changed.
func (d *DB) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	tag, err := d.in(ctx).Exec(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("execute: %w", err)
	}

	return tag.RowsAffected(), nil
}

// row runs a statement like exec and reads the one row that it returns. It returns sql.ErrNoRows where it returns none.
func (d *DB) row(ctx context.Context, statement string, args, targets []any) error {
	if err := d.in(ctx).QueryRow(ctx, statement, args...).Scan(targets...); err != nil {
		return fmt.Errorf("query: %w", err)
	}

	return nil
}

// absentOr returns the error for a row that is not there, or any other as it is.
func absentOr(missing, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return missing
	}

	return err
}
