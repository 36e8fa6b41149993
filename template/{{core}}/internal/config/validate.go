package config

import (
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// placeholders are words that stand where a secret should be: in examples, in compose files, in habits.
var placeholders = []string{ //nolint:gochecknoglobals // a constant in all but name
	"admin", "changeme", "change-me", "change_me", "dev", "development", "example", "pass", "passw0rd", "password",
	"placeholder", "postgres", "root", "secret", "test", "todo", "user",
}

const maxPort = 65535

// group is a part of the configuration.
type group interface {
	// check reports what can't work or must not be, here and in the rest of the configuration that it depends on.
	check(r *report)
}

// groups returns all groups, in the order of the configuration.
func (c *Config) groups() []group {
	var all []group

	for field, value := range reflect.ValueOf(c).Elem().Fields() {
		checked, ok := reflect.TypeAssert[group](value.Addr())
		if !ok {
			panic("config: " + field.Name + " does not check itself")
		}

		all = append(all, checked)
	}

	return all
}

// report collects problems, one for a variable at most.
type report struct {
	cfg      *Config
	known    []string
	problems []problem
}

// add records a problem unless ok, or unless the variable has one.
func (r *report) add(ok bool, name, text string) {
	if ok || slices.Contains(r.known, name) {
		return
	}

	r.known = append(r.known, name)
	r.problems = append(r.problems, problem{name: name, text: text})
}

func (r *report) positive(value time.Duration, name string) {
	r.add(value > 0, name, "must be longer than 0s")
}

// inProduction reports whether the service runs where anything that is handy and dangerous is refused.
func (r *report) inProduction() bool { return r.cfg.App.Environment == Production }

// problems checks groups, but for the variables in known, which have a problem already.
func (c *Config) problems(groups []group, known []string) []problem {
	r := &report{cfg: c, known: slices.Clone(known), problems: nil}

	for _, group := range groups {
		group.check(r)
	}

	return r.problems
}

func (a *App) check(r *report) {
	r.add(isName(a.Name), "APP_NAME", "must be 1 to 63 of the letters A to Z and a to z, digits, dots, dashes and underscores")
	r.add(slices.Contains([]string{Development, Staging, Production}, a.Environment),
		"APP_ENV", "must be development, staging or production")
}

// isName reports whether a name can stand wherever the service says who it is: in the name of a connection, of which PostgreSQL keeps
// 63 bytes and others refuse spaces and what is not ASCII, and in the rules of a monitor.
func isName(text string) bool { return regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`).MatchString(text) }

func (s *Server) check(r *report) {
	r.add(s.Host != "", "SERVER_HOST", "must not be empty: use 127.0.0.1, or 0.0.0.0 for every interface")
	r.add(s.Port >= 1 && s.Port <= maxPort, "SERVER_PORT", "must be between 1 and 65535")
	r.positive(s.ReadTimeout, "SERVER_READ_TIMEOUT")
	r.positive(s.ReadHeaderTimeout, "SERVER_READ_HEADER_TIMEOUT")
	r.positive(s.WriteTimeout, "SERVER_WRITE_TIMEOUT")
	r.positive(s.IdleTimeout, "SERVER_IDLE_TIMEOUT")
	r.positive(s.RequestTimeout, "SERVER_REQUEST_TIMEOUT")
	r.add(s.MaxInFlight >= 0, "SERVER_MAX_IN_FLIGHT", "must not be negative; 0 is no bound")
	r.add(s.BodyLimit >= 1, "SERVER_BODY_LIMIT", "must be at least 1 byte")
	r.add(s.ShutdownDelay >= 0, "SERVER_SHUTDOWN_DELAY", "must not be negative")
	r.add(s.ShutdownTimeout > s.ShutdownDelay, "SERVER_SHUTDOWN_TIMEOUT", "must be longer than SERVER_SHUTDOWN_DELAY")

	for _, origin := range s.CORSOrigins {
		r.add(isOrigin(origin), "SERVER_CORS_ORIGINS", "must be a list of origins such as https://app.example.com; * is refused")
	}

	for _, network := range s.TrustedProxies {
		r.add(network.IsValid(), "SERVER_TRUSTED_PROXIES", "has an empty element")
		r.add(network.Bits() > 0, "SERVER_TRUSTED_PROXIES", "must not be every address: anyone could say who they are")
	}
}

func (a *Admin) check(r *report) {
	server := &r.cfg.Server

	r.add(a.Host != "", "ADMIN_HOST", "must not be empty: use 127.0.0.1, or 0.0.0.0 for every interface")
	r.add(a.Port >= 1 && a.Port <= maxPort, "ADMIN_PORT", "must be between 1 and 65535")
	r.add(a.Port != server.Port || !overlap(a.Host, server.Host), "ADMIN_PORT", "must not be SERVER_PORT on the same address")
}

// overlap reports whether the same port can't be listened on at both addresses.
func overlap(one, other string) bool {
	return one == other || isEvery(one) || isEvery(other)
}

// isEvery reports whether host stands for every interface of the machine.
func isEvery(host string) bool {
	ip := net.ParseIP(host)

	return ip != nil && ip.IsUnspecified()
}

// isOrigin reports whether text is a scheme and a host, and a port if need be, as in RFC 6454, section 7.
func isOrigin(text string) bool {
	u, err := url.Parse(text)

	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && !strings.Contains(u.Host, "*") &&
		text == u.Scheme+"://"+u.Host
}

func (l *RateLimit) check(r *report) {
	r.add(l.Requests >= 1, "RATE_LIMIT_REQUESTS", "must be at least 1; to have no limits, set RATE_LIMIT_ENABLED to false")
	r.add(l.Window >= time.Second && l.Window%time.Second == 0, "RATE_LIMIT_WINDOW", "must be whole seconds, such as 1m")
}

func (d *Database) check(r *report) {
	if d.URL != "" {
		_, err := pgx.ParseConfig(d.URL)
		r.add(err == nil, "DATABASE_URL", "is not a PostgreSQL address such as postgres://user:password@host:5432/name?sslmode=verify-full")
	} else {
		d.checkParts(r)
	}

	r.add(d.MaxConnections >= 1, "DB_MAX_CONNECTIONS", "must be at least 1")
	r.add(d.MaxIdleConns >= 0, "DB_MAX_IDLE_CONNS", "must not be negative")
	r.add(d.MaxConnections >= d.MaxIdleConns, "DB_MAX_CONNECTIONS", "must be at least DB_MAX_IDLE_CONNS")
	r.positive(d.ConnMaxLifetime, "DB_CONN_MAX_LIFETIME")
	r.positive(d.ConnMaxIdleTime, "DB_CONN_MAX_IDLE_TIME")
	r.add(d.StatementTimeout >= time.Millisecond, "DB_STATEMENT_TIMEOUT", "must be at least 1ms")
	r.add(d.IdleInTransactionTimeout == 0 || d.IdleInTransactionTimeout >= time.Millisecond, "DB_IDLE_IN_TRANSACTION_TIMEOUT",
		"must be at least 1ms; 0s leaves it to PostgreSQL")
	r.positive(d.AcquireTimeout, "DB_ACQUIRE_TIMEOUT")
	r.positive(d.ConnectTimeout, "DB_CONNECT_TIMEOUT")

	if r.inProduction() {
		d.checkProduction(r)
	}
}

func (d *Database) checkParts(r *report) {
	r.add(d.Host != "", "DB_HOST", "must not be empty")
	r.add(d.Port >= 1 && d.Port <= maxPort, "DB_PORT", "must be between 1 and 65535")
	r.add(d.User != "", "DB_USER", "is required unless DATABASE_URL is set")
	r.add(d.Password != "", "DB_PASSWORD", "is required unless DATABASE_URL is set")
	r.add(d.Name != "", "DB_NAME", "is required unless DATABASE_URL is set")
	r.add(slices.Contains([]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, d.SSLMode),
		"DB_SSLMODE", "must be disable, allow, prefer, require, verify-ca or verify-full")
}

// ConnString returns the address of the database in the form that pgx reads. It holds the password: never log it.
func (d *Database) ConnString() string {
	if d.URL != "" {
		return d.URL
	}

	query := url.Values{"sslmode": {d.SSLMode}}
	host := net.JoinHostPort(d.Host, strconv.Itoa(d.Port))

	if strings.HasPrefix(d.Host, "/") { // the folder of a Unix socket has no place in the host of a URL
		query.Set("host", d.Host)
		query.Set("port", strconv.Itoa(d.Port))

		host = ""
	}

	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(d.User, d.Password),
		Host:     host,
		Path:     "/" + d.Name,
		RawQuery: query.Encode(),
	}

	return address.String()
}

func (l *Logger) check(r *report) {
	r.add(slices.Contains([]string{"debug", "info", "warn", "error"}, l.Level), "LOG_LEVEL", "must be debug, info, warn or error")
	r.add(slices.Contains([]string{"json", "console"}, l.Format), "LOG_FORMAT", "must be json or console")
	r.add(!l.Bodies || !r.inProduction(), "LOG_BODIES", "must be false in production: bodies hold personal data")
}

// checkProduction refuses what is handy in development and dangerous in production.
func (d *Database) checkProduction(r *report) {
	parsed, err := pgx.ParseConfig(d.ConnString())
	if err != nil {
		return // reported by name already
	}

	encrypted := parsed.TLSConfig != nil
	for _, fallback := range parsed.Fallbacks {
		encrypted = encrypted && fallback.TLSConfig != nil
	}

	r.add(encrypted || strings.HasPrefix(parsed.Host, "/"), d.variable("DB_SSLMODE"),
		"must ask for sslmode require, verify-ca or verify-full in production: anything less may send data unencrypted")
	r.add(!isPlaceholder(parsed.Password, parsed.User), d.variable("DB_PASSWORD"),
		"holds a placeholder for a password: set a real one in production")
}

// variable names where a part of the address comes from: its own variable, or the URL that takes the place of all parts.
func (d *Database) variable(part string) string {
	if d.URL != "" {
		return "DATABASE_URL"
	}

	return part
}

// isPlaceholder reports whether a secret is one that anyone would try first.
func isPlaceholder(secret, user string) bool {
	secret = strings.ToLower(strings.Trim(secret, "<>[]{}$ "))

	return secret == "" || strings.EqualFold(secret, user) || slices.Contains(placeholders, secret)
}
