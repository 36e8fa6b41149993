package config

import "time"

// CacheLocal says how long the memory of a process keeps what is in Redis.
type CacheLocal struct {
	// TTL is a second line of defence: replicas are told of writes.
	TTL time.Duration `env:"CACHE_LOCAL_TTL" envDefault:"10s"`
}

func (c *CacheLocal) check(r *report) {
	r.add(c.TTL >= time.Second, "CACHE_LOCAL_TTL", "must be at least 1s")
}
