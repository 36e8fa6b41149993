package config

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	// minSecret is the length of a secret in bytes: HMAC-SHA256 gains nothing from more than 32 random ones, and loses with less
	// (RFC 2104, section 3).
	minSecret = 32
	// minCharacters is how many different characters a secret has at least. Random text has more.
	minCharacters = 10
)

// Auth says how users are let in.
type Auth struct {
	// AccessSecret signs access tokens, RefreshSecret keys what is stored of refresh tokens. They can be any text.
	AccessSecret  string `env:"AUTH_ACCESS_SECRET"`
	RefreshSecret string `env:"AUTH_REFRESH_SECRET"`
	// AccessSecretsPrevious are secrets that signed tokens which are still valid.
	AccessSecretsPrevious []string `env:"AUTH_ACCESS_SECRETS_PREVIOUS"`
	// AccessTTL is how long an access token is valid, RefreshTTL how long a session lives without a refresh.
	AccessTTL  time.Duration `env:"AUTH_ACCESS_TTL"  envDefault:"15m"`
	RefreshTTL time.Duration `env:"AUTH_REFRESH_TTL" envDefault:"168h"`
	// Issuer and Audience are in every access token; empty means the name of the service.
	Issuer   string `env:"AUTH_ISSUER"`
	Audience string `env:"AUTH_AUDIENCE"`
}

func (a *Auth) check(r *report) {
	checkSecret(r, "AUTH_ACCESS_SECRET", a.AccessSecret)
	checkSecret(r, "AUTH_REFRESH_SECRET", a.RefreshSecret)

	for _, secret := range a.AccessSecretsPrevious {
		checkSecret(r, "AUTH_ACCESS_SECRETS_PREVIOUS", secret)
	}

	r.add(a.AccessSecret != a.RefreshSecret, "AUTH_REFRESH_SECRET", "must differ from AUTH_ACCESS_SECRET")
	r.add(!slices.Contains(a.AccessSecretsPrevious, a.RefreshSecret),
		"AUTH_ACCESS_SECRETS_PREVIOUS", "must not hold AUTH_REFRESH_SECRET")
	r.add(a.AccessTTL >= time.Second, "AUTH_ACCESS_TTL", "must be at least 1s")
	r.add(a.RefreshTTL > a.AccessTTL, "AUTH_REFRESH_TTL", "must be longer than AUTH_ACCESS_TTL")
}

func checkSecret(r *report, name, secret string) {
	r.add(secret != "", name, "is required: make one with openssl rand -base64 32")
	r.add(len(secret) >= minSecret, name, "must be at least 32 bytes long: make one with openssl rand -base64 32")

	if r.inProduction() {
		r.add(!isPlaceholderSecret(secret), name, "holds a placeholder: set a random one in production, as of openssl rand -base64 32")
	}
}

// isPlaceholderSecret reports whether a secret was made up rather than drawn: it is full of words that stand for a secret, or of
// few characters.
func isPlaceholderSecret(secret string) bool {
	different := map[rune]bool{}
	for _, r := range secret {
		different[r] = true
	}

	if len(different) < minCharacters {
		return true
	}

	words := strings.FieldsFunc(strings.ToLower(secret), func(r rune) bool { return !unicode.IsLetter(r) })

	return slices.ContainsFunc(words, func(word string) bool {
		return len(word) > 4 && (slices.Contains(placeholders, word) || strings.HasPrefix(word, "change") || strings.HasPrefix(word, "secret"))
	})
}
