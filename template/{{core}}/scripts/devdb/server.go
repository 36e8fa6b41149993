//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	// version is the PostgreSQL that is run.
	version = embeddedpostgres.V18
	// startTimeout bounds one start of the server.
	startTimeout = time.Minute
	// startTries is how often a start is tried: someone else may be faster to take the port.
	startTries = 3
	// role and name are what every PostgreSQL has.
	role, name = "postgres", "postgres"
)

// serve runs a server until ctx or stdin ends, and prints its URL first. Without a folder for the data it has none to begin
// with, and leaves none.
func serve(ctx context.Context, folder string, stdin io.Reader, stdout io.Writer) (err error) {
	p, err := findPlace(folder)
	if err != nil {
		return err
	}

	if p.temporary {
		defer func() { err = errors.Join(err, os.RemoveAll(p.data)) }()
	}

	unlock, err := p.takeOver()
	if err != nil {
		return err
	}
	defer unlock()

	address, server, err := p.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	if _, err := fmt.Fprintln(stdout, address); err != nil {
		return fmt.Errorf("print the address: %w", err)
	}

	ended := make(chan struct{})

	go func() {
		_, _ = io.Copy(io.Discard, stdin) //nolint:errcheck // however it ends, it has ended
		close(ended)
	}()

	select {
	case <-ctx.Done():
	case <-ended:
	}

	return nil
}

// takeOver makes sure that no other server uses the data, and stops one that was left behind.
func (p *place) takeOver() (func(), error) {
	unlock, err := lock(filepath.Join(p.data, "lock"), syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s is in use by another devdb: stop that one, or set DATABASE_URL to what it printed", p.data) //nolint:err113 // for people
	}

	if err != nil {
		return nil, err
	}

	if _, err = os.Stat(filepath.Join(p.server(), "postmaster.pid")); err == nil {
		// A devdb that was killed could not stop it. This fails when it is dead as well.
		_ = exec.Command(filepath.Join(p.programs(), "bin", "pg_ctl"), "stop", "-w", "-m", "fast", "-D", p.server()).Run() //nolint:errcheck,gosec,noctx // see above
	}

	// What the programs leave in the folder for temporary files goes with the next start.
	scratch := filepath.Join(p.data, "tmp")

	err = errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o700), os.Setenv("TMPDIR", scratch))
	if err != nil {
		unlock()

		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}

	return unlock, nil
}

func (p *place) start() (string, *embeddedpostgres.EmbeddedPostgres, error) {
	password, err := p.password()
	if err != nil {
		return "", nil, err
	}

	// The first process to come fetches and unpacks the programs; the others wait for it.
	complete := filepath.Join(p.programs(), ".complete")
	if _, err := os.Stat(complete); err != nil {
		unlock, err := lock(p.programs()+".lock", 0)
		if err != nil {
			return "", nil, err
		}
		defer unlock()
	}

	for try := 1; ; try++ {
		port, err := freePort()
		if err != nil {
			return "", nil, err
		}

		server := embeddedpostgres.NewDatabase(p.config(port, password))

		err = server.Start()
		if err == nil {
			address := fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", role, password, port, name)

			return address, server, markComplete(complete, server)
		}

		if try == startTries {
			return "", nil, fmt.Errorf("start PostgreSQL %s: %w", version, err)
		}
	}
}

// markComplete notes that the programs are all there. When it can't, the server is stopped: nobody else will.
func markComplete(file string, server interface{ Stop() error }) error {
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return errors.Join(fmt.Errorf("note that PostgreSQL is unpacked: %w", err), server.Stop())
	}

	return nil
}

func (p *place) config(port uint32, password string) embeddedpostgres.Config {
	parameters := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"timezone":                "UTC",
	}

	if p.temporary { // tests need no durability, and many connections
		maps.Copy(parameters, map[string]string{"fsync": "off", "full_page_writes": "off", "max_connections": "300"})
	}

	return embeddedpostgres.DefaultConfig().
		Version(version).
		CachePath(p.cache).
		BinariesPath(p.programs()).
		RuntimePath(filepath.Join(p.data, "run")).
		DataPath(p.server()).
		Username(role).
		Password(password).
		Database(name).
		Port(port).
		Encoding("UTF8").
		Locale("C"). // the one that every system has
		StartParameters(parameters).
		StartTimeout(startTimeout).
		Logger(io.Discard) // errors hold what matters of the log
}

// password returns the password of the server: everyone on this machine can reach its port.
func (p *place) password() (string, error) {
	file := filepath.Join(p.data, "password")

	stored, err := os.ReadFile(file) //nolint:gosec // in a folder of ours
	if err == nil {
		return strings.TrimSpace(string(stored)), nil
	}

	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the password: %w", err)
	}

	password := rand.Text()
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return "", fmt.Errorf("write the password: %w", err)
	}

	return password, nil
}

// freePort returns a port that nothing listens on.
func freePort() (uint32, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing is waited for
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()

	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %v has none", listener.Addr()) //nolint:err113 // can't happen
	}

	return uint32(address.Port), nil //nolint:gosec // a port has 16 bits
}

// lock takes a lock on a file, which the system releases when this process ends. The flags may hold syscall.LOCK_NB.
func lock(file string, flags int) (func(), error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in a folder of ours
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}

	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|flags); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", file, err), f.Close())
	}

	return func() { _ = f.Close() }, nil
}
