package feature

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
	"go.yaml.in/yaml/v3"
)

const everyone = 100

// What can be wrong with a source; the text goes on where it, or a flag, is named.
var (
	errEmpty      = errors.New("is empty: write {} for no flags")
	errDocuments  = errors.New("holds more than one document")
	errTooLarge   = errors.New("is larger than 1 MiB")
	errSilent     = errors.New("says nothing")
	errEnabled    = errors.New("enabled is missing: true or false")
	errPercentage = errors.New("percentage must be between 0 and 100")
	errNoUser     = errors.New("users must not hold an empty one")
	errTwice      = errors.New("stands there twice")
	errShort      = errors.New("must be flags such as registrations=off,welcome_email=25%")
	errValue      = errors.New("must be on, off, or a percentage such as 25% with or without users: 25%:ID:ID")
)

// rule says for whom a flag is on.
type rule struct {
	enabled    bool
	percentage int
	users      []string // sorted
}

// decide returns whether the flag is on for a user, and why. The user "" is nobody in particular.
func (r *rule) decide(flag, user string) (bool, openfeature.Reason) {
	switch {
	case !r.enabled:
		return false, openfeature.DisabledReason
	case r.percentage == everyone:
		return true, openfeature.StaticReason
	case user == "":
		return false, openfeature.StaticReason
	case r.lists(user):
		return true, openfeature.TargetingMatchReason
	default:
		return bucket(flag, user) < r.percentage, openfeature.SplitReason
	}
}

func (r *rule) lists(user string) bool {
	_, found := slices.BinarySearch(r.users, user)

	return found
}

// bucket puts a user into one of a hundred parts, always the same for a flag and a user, in every process. A user whose part
// is below a percentage is below every larger one too. Each flag cuts the users in another way, so that the first to get one
// feature are not the first to get all.
func bucket(flag, user string) int {
	sum := sha256.Sum256([]byte(flag + "\x00" + user))
	part, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:8]), everyone)

	return int(part) //nolint:gosec // below a hundred
}

// entry is a rule as the file has it.
type entry struct {
	Enabled    *bool    `yaml:"enabled"`
	Percentage *int     `yaml:"percentage"`
	Users      []string `yaml:"users"`
}

func (e *entry) rule() (rule, error) {
	switch {
	case e.Enabled == nil:
		return rule{}, errEnabled
	case e.Percentage != nil && (*e.Percentage < 0 || *e.Percentage > everyone):
		return rule{}, errPercentage
	case slices.Contains(e.Users, ""):
		return rule{}, errNoUser
	}

	made := rule{enabled: *e.Enabled, percentage: everyone, users: slices.Sorted(slices.Values(e.Users))}

	switch {
	case e.Percentage != nil:
		made.percentage = *e.Percentage
	case len(e.Users) > 0:
		made.percentage = 0
	}

	return made, nil
}

// parseFile reads YAML or JSON: an object with a member for each flag.
func parseFile(content []byte) (map[string]rule, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)

	var entries map[string]*entry

	err := decoder.Decode(&entries)

	switch {
	case errors.Is(err, io.EOF) || err == nil && entries == nil: // as while it is being written
		return nil, errEmpty
	case err != nil:
		return nil, fmt.Errorf("is not a list of flags: %w", err)
	}

	if err = decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errDocuments
	}

	rules := make(map[string]rule, len(entries))

	for name, entry := range entries {
		if entry == nil {
			return nil, fmt.Errorf("flag %q: %w", name, errSilent)
		}

		if rules[name], err = entry.rule(); err != nil {
			return nil, fmt.Errorf("flag %q: %w", name, err)
		}
	}

	return rules, nil
}

// parseShort reads flags such as registrations=off,welcome_email=25%:USER:USER. A value is on, off or a percentage; users behind
// a percentage have the feature whatever it is.
func parseShort(text string) (map[string]rule, error) {
	rules := make(map[string]rule)

	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}

		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			return nil, errShort
		}

		if _, twice := rules[name]; twice {
			return nil, fmt.Errorf("flag %q: %w", name, errTwice)
		}

		made, err := shortRule(value)
		if err != nil {
			return nil, fmt.Errorf("flag %q: %w", name, err)
		}

		rules[name] = made
	}

	return rules, nil
}

func shortRule(value string) (rule, error) {
	on, off := true, false

	switch value {
	case "on":
		return (&entry{Enabled: &on}).rule()
	case "off":
		return (&entry{Enabled: &off}).rule()
	}

	share, users, listed := strings.Cut(value, ":")
	number, ok := strings.CutSuffix(share, "%")
	percentage, err := strconv.Atoi(number)

	if !ok || err != nil {
		return rule{}, errValue
	}

	made := entry{Enabled: &on, Percentage: &percentage}
	if listed {
		made.Users = strings.Split(users, ":")
	}

	return made.rule()
}
