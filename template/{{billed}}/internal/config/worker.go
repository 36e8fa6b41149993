package config

import (
	"net"
	"slices"
	"strconv"
	"time"
)

// Worker says how jobs are worked on.
type Worker struct {
	// AdminPort is where the worker shows what only those who run it may see, on the host of Admin.
	AdminPort int `env:"WORKER_ADMIN_PORT" envDefault:"9091"`
	// Concurrency is how many jobs are worked on at a time, those that send email apart.
	Concurrency int `env:"WORKER_CONCURRENCY" envDefault:"20"`
	// JobTimeout bounds one try of a job. What a killed worker leaves behind is tried again about half a minute after that.
	JobTimeout time.Duration `env:"WORKER_JOB_TIMEOUT" envDefault:"45s"`
	// ReconcileInterval is how often payments are looked for whose end has been open for as long.
	ReconcileInterval time.Duration `env:"WORKER_RECONCILE_INTERVAL" envDefault:"1m"`
	// ShutdownTimeout bounds the whole shutdown. Jobs that take longer are broken off in time and tried again.
	ShutdownTimeout time.Duration `env:"WORKER_SHUTDOWN_TIMEOUT" envDefault:"30s"`
}

// callsPerJob is how many requests to the provider one try of a job may take: two to look for a charge, and one to charge.
const callsPerJob = 3

// ofWorker is a group that the worker reads.
type ofWorker interface {
	ofWorker()
}

func (*App) ofWorker()      {}
func (*Admin) ofWorker()    {}
func (*Database) ofWorker() {}
func (*Logger) ofWorker()   {}
func (*Email) ofWorker()    {}
func (*Payment) ofWorker()  {}
func (*Stripe) ofWorker()   {}
func (*Worker) ofWorker()   {}

// ofAPI returns what the API reads: everything but how email is sent, which is up to the worker.
func (c *Config) ofAPI() []group {
	return slices.DeleteFunc(c.groups(), func(g group) bool {
		_, is := g.(*Email)

		return is
	})
}

// LoadWorker is Load for the worker, which takes no requests: it reads and checks what it needs, and leaves the rest empty.
func LoadWorker() (Config, error) {
	return load(func(c *Config) []group {
		needed := slices.DeleteFunc(c.groups(), func(g group) bool {
			_, is := g.(ofWorker)

			return !is
		})

		return append(needed, new(charging))
	})
}

// WorkerAddress is the address that the worker shows its pages at.
func (c *Config) WorkerAddress() string {
	return net.JoinHostPort(c.Admin.Host, strconv.Itoa(c.Worker.AdminPort))
}

func (w *Worker) check(r *report) {
	r.add(w.AdminPort >= 1 && w.AdminPort <= maxPort, "WORKER_ADMIN_PORT", "must be between 1 and 65535")
	r.add(w.Concurrency >= 1 && w.Concurrency <= 1000, "WORKER_CONCURRENCY", "must be between 1 and 1000")
	r.add(w.JobTimeout >= callsPerJob*r.cfg.Stripe.Timeout, "WORKER_JOB_TIMEOUT",
		"must be at least three times PAYMENT_TIMEOUT: a job may ask the provider so often")
	r.add(w.ReconcileInterval >= time.Second, "WORKER_RECONCILE_INTERVAL", "must be at least 1s")
	r.add(w.ShutdownTimeout >= time.Second, "WORKER_SHUTDOWN_TIMEOUT", "must be at least 1s")
}
