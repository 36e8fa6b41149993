package feature

import (
	"maps"
	"slices"
)

// Flag is the name of a feature flag.
type Flag string

// All flags of the service. A new one is a constant here and a line in defaults.
const (
	// Registrations lets new users in. Operators switch it off to stop a flood of them.
	Registrations Flag = "registrations"
	// WelcomeEmail is whether a new user is sent a welcome. A percentage lets a new mail server earn its reputation slowly.
	WelcomeEmail Flag = "welcome_email"
)

// defaults says what each flag is while its source says nothing about it.
func defaults() map[Flag]bool {
	return map[Flag]bool{
		Registrations: true,
		WelcomeEmail:  true,
	}
}

// All returns every flag, in order.
func All() []Flag { return slices.Sorted(maps.Keys(defaults())) }

// Default returns what the flag is while its source says nothing about it.
func (f Flag) Default() bool { return defaults()[f] }

// hasNoUser reports whether the flag is asked for before there is a user: it is on for all or for nobody.
func (f Flag) hasNoUser() bool { return f == Registrations }
