package database

import (
	"context"
	"time"
)

// deleteBatch is how much is deleted by one statement, which is bounded in time.
const deleteBatch = 5000

// deleteAll deletes what is older than a time, batch by batch.
func (d *DB) deleteAll(ctx context.Context, statement string, before time.Time) error {
	for {
		deleted, err := d.exec(ctx, statement, before, deleteBatch)
		if err != nil || deleted < deleteBatch {
			return err
		}
	}
}
