package config

import "time"

// Cache says how long what was read is kept.
type Cache struct {
	// TTL bounds how long a value is kept. Other processes don't learn of a write: it also bounds how long they serve the old one.
	TTL time.Duration `env:"CACHE_TTL" envDefault:"30s"`
	// AbsentTTL bounds how long it is remembered that something does not exist.
	AbsentTTL time.Duration `env:"CACHE_ABSENT_TTL" envDefault:"10s"`
}

func (c *Cache) check(r *report) {
	r.add(c.TTL >= time.Second, "CACHE_TTL", "must be at least 1s")
	r.add(c.AbsentTTL >= time.Second, "CACHE_ABSENT_TTL", "must be at least 1s")
}
