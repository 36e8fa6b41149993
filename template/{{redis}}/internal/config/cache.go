package config

import "time"

// Cache says how long what was read is kept.
type Cache struct {
	// TTL bounds how long a value is kept. It also bounds how long an old one can be served, should Redis not be told of a write.
	TTL time.Duration `env:"CACHE_TTL" envDefault:"5m"`
	// AbsentTTL bounds how long it is remembered that something does not exist.
	AbsentTTL time.Duration `env:"CACHE_ABSENT_TTL" envDefault:"10s"`
}

func (c *Cache) check(r *report) {
	r.add(c.TTL >= time.Second, "CACHE_TTL", "must be at least 1s")
	r.add(c.AbsentTTL >= time.Second, "CACHE_ABSENT_TTL", "must be at least 1s")
}
