package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformed is returned for a stored hash that can't be read.
var ErrMalformed = errors.New("the stored hash of the password is malformed")

// The most that a stored hash may ask for. The bounds are far above what is sensible, and keep a broken row from taking all
// memory.
const (
	mostMemory = 1 << 20 // KiB
	mostPasses = 64
	mostBytes  = 64
)

// hash is a PHC string (github.com/P-H-C/phc-string-format) of Argon2id, taken apart.
type hash struct {
	params    Params
	salt, key []byte
}

// String is the form in which hashes are stored.
func (h hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString

	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.params.Memory, h.params.Passes, h.params.Lanes, encode(h.salt), encode(h.key))
}

// cheaper reports whether the hash costs less than one with the given parameters.
func (h hash) cheaper(than Params) bool {
	return h.params.Memory < than.Memory || h.params.Passes < than.Passes || h.params.Lanes < than.Lanes || len(h.key) < keyLength
}

func parse(text string) (hash, error) {
	var (
		h       hash
		version int
	)

	const parts = 6

	fields := strings.Split(text, "$")
	if len(fields) != parts || fields[0] != "" || fields[1] != "argon2id" {
		return hash{}, ErrMalformed
	}

	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return hash{}, ErrMalformed
	}

	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.params.Memory, &h.params.Passes, &h.params.Lanes); err != nil {
		return hash{}, ErrMalformed
	}

	var saltErr, keyErr error

	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(fields[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(fields[5])

	// One form a hash: what String makes of it must be what was read.
	if saltErr != nil || keyErr != nil || !h.sensible() || h.String() != text {
		return hash{}, ErrMalformed
	}

	return h, nil
}

func (h hash) sensible() bool {
	p := h.params

	return p.Memory >= 1 && p.Memory <= mostMemory && p.Passes >= 1 && p.Passes <= mostPasses && p.Lanes >= 1 &&
		len(h.salt) > 0 && len(h.salt) <= mostBytes && len(h.key) > 0 && len(h.key) <= mostBytes
}
