package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

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
