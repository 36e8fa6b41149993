package config

// CacheMemory bounds what is kept in the memory of the process.
type CacheMemory struct {
	// Size is the most that all entries together take, in bytes, about.
	Size int `env:"CACHE_MEMORY_SIZE" envDefault:"67108864"`
}

// smallestMemory is below what is worth having.
const smallestMemory = 1 << 20

func (c *CacheMemory) check(r *report) {
	r.add(c.Size >= smallestMemory, "CACHE_MEMORY_SIZE", "must be at least 1048576 bytes")
}
