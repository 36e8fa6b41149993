package config

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis says how to reach Redis: by URL, or by its parts. The service starts and goes on without it.
type Redis struct {
	// URL, when set, is used in place of the parts.
	URL      string `env:"REDIS_URL"`
	Address  string `env:"REDIS_ADDRESS"  envDefault:"localhost:6379"`
	Username string `env:"REDIS_USERNAME"`
	Password string `env:"REDIS_PASSWORD"`
	DB       int    `env:"REDIS_DB"       envDefault:"0"`
	TLS      bool   `env:"REDIS_TLS"      envDefault:"false"`
	// AllowPlaintext lets production connect without TLS, where the network itself encrypts.
	AllowPlaintext bool `env:"REDIS_ALLOW_PLAINTEXT" envDefault:"false"`
	// PoolSize bounds the connections of one process; MinIdleConns of them are kept open when nothing happens.
	PoolSize     int `env:"REDIS_POOL_SIZE"      envDefault:"10"`
	MinIdleConns int `env:"REDIS_MIN_IDLE_CONNS" envDefault:"2"`
	// DialTimeout bounds the opening of a connection, Timeout one operation with all it takes. A request waits for them, so
	// they are short.
	DialTimeout time.Duration `env:"REDIS_DIAL_TIMEOUT" envDefault:"50ms"`
	Timeout     time.Duration `env:"REDIS_TIMEOUT"      envDefault:"50ms"`
}

func (c *Redis) check(r *report) {
	if c.URL != "" {
		_, err := redis.ParseURL(c.URL)
		r.add(err == nil, "REDIS_URL", "is not an address of Redis such as rediss://user:password@host:6379/0")
	} else {
		r.add(isAddress(c.Address), "REDIS_ADDRESS", "must be a host and a port such as redis.example.com:6379: an address of another form is for REDIS_URL")
		r.add(c.DB >= 0, "REDIS_DB", "must not be negative")
	}

	r.add(c.PoolSize >= 1, "REDIS_POOL_SIZE", "must be at least 1")
	r.add(c.MinIdleConns >= 0 && c.MinIdleConns <= c.PoolSize, "REDIS_MIN_IDLE_CONNS", "must be between 0 and REDIS_POOL_SIZE")
	r.positive(c.DialTimeout, "REDIS_DIAL_TIMEOUT")
	r.positive(c.Timeout, "REDIS_TIMEOUT")

	if r.inProduction() {
		c.checkProduction(r)
	}
}

// isAddress reports whether text is a host and the number of a port alone. A URL that was put in their place may hold a password,
// and errors of the connection quote the address.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, "/@") {
		return false
	}

	number, err := strconv.ParseUint(port, 10, 16)

	return err == nil && number > 0
}

// checkProduction demands a password and encryption: what is kept in Redis holds personal data.
func (c *Redis) checkProduction(r *report) {
	encrypted, password, user := c.TLS, c.Password, c.Username

	if c.URL != "" {
		parsed, err := redis.ParseURL(c.URL)
		if err != nil {
			return // reported by name already
		}

		encrypted = parsed.TLSConfig != nil || parsed.Network == "unix"
		password, user = parsed.Password, parsed.Username
	}

	r.add(encrypted || c.AllowPlaintext, c.variable("REDIS_TLS"),
		"must ask for TLS in production (rediss:// or REDIS_TLS=true), unless REDIS_ALLOW_PLAINTEXT=true says that the network encrypts")
	r.add(!isPlaceholder(password, user), c.variable("REDIS_PASSWORD"),
		"holds no password, or a placeholder for one: set a real one in production")
}

// variable names where a part of the address comes from: its own variable, or the URL that takes the place of all parts.
func (c *Redis) variable(part string) string {
	if c.URL != "" {
		return "REDIS_URL"
	}

	return part
}
