package config

import "time"

// Feature says where the feature flags come from: a file, which is read again while the service runs, or one variable.
type Feature struct {
	// File is YAML or JSON.
	File string `env:"FEATURE_FILE"`
	// Flags is the short form, such as registrations=off,welcome_email=25%.
	Flags string `env:"FEATURE_FLAGS"`
	// Reload is how often the file is read again.
	Reload time.Duration `env:"FEATURE_RELOAD" envDefault:"5s"`
}

func (f *Feature) check(r *report) {
	r.add(f.File == "" || f.Flags == "", "FEATURE_FLAGS", "must be empty while FEATURE_FILE is set: one place says what is on")
	r.add(f.Reload >= 100*time.Millisecond, "FEATURE_RELOAD", "must be at least 100ms")
}
