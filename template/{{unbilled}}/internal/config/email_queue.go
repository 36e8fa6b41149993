package config

// EmailQueue bounds the email that leaves the service once requests are answered.
type EmailQueue struct {
	// Size bounds the messages that wait, and Workers those that are sent at a time.
	Size    int `env:"EMAIL_QUEUE_SIZE" envDefault:"100"`
	Workers int `env:"EMAIL_WORKERS"    envDefault:"2"`
}

func (e *EmailQueue) check(r *report) {
	r.add(e.Size >= 1, "EMAIL_QUEUE_SIZE", "must be at least 1")
	r.add(e.Workers >= 1, "EMAIL_WORKERS", "must be at least 1")
}

// ofAPI returns what the API reads: everything.
func (c *Config) ofAPI() []group { return c.groups() }
