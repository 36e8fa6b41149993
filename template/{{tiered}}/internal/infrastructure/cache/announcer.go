package cache

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Announcer is a Redis that tells all replicas which keys have changed, in the transaction that changes them.
type Announcer struct {
	*Redis

	channel string
}

var _ Remote = (*Announcer)(nil)

// Set implements Remote.
func (a *Announcer) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return a.change(ctx, "set", []string{key}, func(p redis.Pipeliner) { p.Set(ctx, key, value, ttl) })
}

// Delete implements Remote.
func (a *Announcer) Delete(ctx context.Context, keys ...string) error {
	return a.change(ctx, "delete", keys, func(p redis.Pipeliner) { p.Del(ctx, keys...) })
}

func (a *Announcer) change(ctx context.Context, action string, keys []string, change func(redis.Pipeliner)) error {
	commands, err := a.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		change(p)

		for _, key := range keys {
			if !strings.HasSuffix(key, guardSuffix) { // nobody keeps guards in memory
				p.Publish(ctx, a.channel, key)
			}
		}

		return nil
	})

	return a.failed(action, reason(commands, err))
}

// reason returns the error of a transaction, or that of the command because of which it was given up: the transaction's own says
// no more than that.
func reason(commands []redis.Cmder, err error) error {
	if !redis.IsExecAbortError(err) {
		return err
	}

	for _, command := range commands {
		if refused := command.Err(); refused != nil && !redis.IsExecAbortError(refused) {
			return refused
		}
	}

	return err
}
