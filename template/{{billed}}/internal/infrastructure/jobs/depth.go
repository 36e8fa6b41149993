package jobs

import (
	"context"
	"fmt"
)

// depth reads the index that jobs are fetched by, and counts those that wait or were given up, not those that are done. River calls
// a job cancelled that was given up before its last try.
const depth = `
	SELECT
		count(*) FILTER (WHERE state = 'available'),
		count(*) FILTER (WHERE state IN ('retryable', 'scheduled')),
		count(*) FILTER (WHERE state = 'running'),
		count(*) FILTER (WHERE state IN ('discarded', 'cancelled')),
		coalesce(extract(epoch FROM clock_timestamp() - min(scheduled_at) FILTER (WHERE state = 'available')), 0)::float8
	FROM river_job
	WHERE state IN ('available', 'retryable', 'scheduled', 'running', 'discarded', 'cancelled')`

// Depth is what the queue holds, for all workers together.
type Depth struct {
	// Available are to be done now, Later after a pause.
	Available, Later, Running, Discarded int64
	// Oldest is how long the one has waited that waits longest, in seconds; 0 when none does.
	Oldest float64
}

// Depth returns what the queue holds.
func (c *Client) Depth(ctx context.Context) (Depth, error) {
	var d Depth

	err := c.pool.QueryRow(ctx, depth).Scan(&d.Available, &d.Later, &d.Running, &d.Discarded, &d.Oldest)
	if err != nil {
		return Depth{}, fmt.Errorf("count jobs: %w", err)
	}

	d.Oldest = max(d.Oldest, 0) // one that is to be done in a moment

	return d, nil
}
