package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// setIf stores a value if another key holds a given one, which it removes then.
const setIf = `
if redis.call('GET', KEYS[2]) ~= ARGV[3] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1`

// Redis is a Remote that all replicas share. An operation takes as long as its client lets it: Resilient bounds that. It is safe
// for concurrent use.
type Redis struct {
	client *redis.Client
	setIf  *redis.Script

	hits, misses, errs atomic.Uint64
}

var _ Remote = (*Redis)(nil)

// NewRedis returns a store on a client, which stays its maker's to close.
func NewRedis(client *redis.Client) *Redis {
	return &Redis{client: client, setIf: redis.NewScript(setIf)}
}

// Get implements Remote.
func (r *Redis) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := r.client.Get(ctx, key).Bytes()

	switch {
	case errors.Is(err, redis.Nil):
		r.misses.Add(1)

		return nil, ErrMiss
	case err != nil:
		return nil, r.failed("get", err)
	default:
		r.hits.Add(1)

		return value, nil
	}
}

// Set implements Remote.
func (r *Redis) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return r.failed("set", r.client.Set(ctx, key, value, ttl).Err())
}

// SetNX implements Remote.
func (r *Redis) SetNX(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	err := r.client.SetArgs(ctx, key, value, redis.SetArgs{Mode: "NX", TTL: ttl}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}

	return err == nil, r.failed("set if absent", err)
}

// SetIf implements Remote.
func (r *Redis) SetIf(ctx context.Context, key string, value []byte, ttl time.Duration, guard Guard) (bool, error) {
	stored, err := r.setIf.Run(ctx, r.client, []string{key, guard.Key}, value, ttl.Milliseconds(), guard.Value).Bool()

	return stored, r.failed("set if guarded", err)
}

// Delete implements Remote.
func (r *Redis) Delete(ctx context.Context, keys ...string) error {
	return r.failed("delete", r.client.Del(ctx, keys...).Err())
}

// Level implements Remote.
func (r *Redis) Level() Level {
	return Level{Name: "redis", Hits: r.hits.Load(), Misses: r.misses.Load(), Errors: r.errs.Load(), Breaker: ""}
}

// failed counts an error and says what was tried. It passes nil through.
func (r *Redis) failed(action string, err error) error {
	if err == nil {
		return nil
	}

	r.errs.Add(1)

	return fmt.Errorf("redis: %s: %w", action, err)
}
