//go:build integration

package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	// image is the Redis of the container.
	image = "redis:8-alpine"
	// dockerTimeout bounds the question whether Docker is there.
	dockerTimeout = 3 * time.Second
	// containerTimeout bounds the start of a container, with a download when it is the first.
	containerTimeout = 5 * time.Minute
	// processTimeout bounds the start of a process on this machine.
	processTimeout = 10 * time.Second
	// startTries is how often a start is tried: someone else may be faster to take the port.
	startTries = 3
)

var errNoServer = errors.New("neither redis-server nor valkey-server is on the PATH")

// server is a running Redis, and what stops it.
type server struct {
	url  string
	stop func()
}

func startServer() (*server, error) {
	if address := os.Getenv("TEST_REDIS_URL"); address != "" {
		return &server{url: address, stop: func() {}}, nil
	}

	ctx, cancel := context.WithTimeout(context.Background(), containerTimeout)
	defer cancel()

	if dockerAnswers(ctx) {
		return startContainer(ctx)
	}

	for _, name := range []string{"redis-server", "valkey-server"} {
		if program, err := exec.LookPath(name); err == nil {
			return startProgram(program)
		}
	}

	return nil, errNoServer
}

func dockerAnswers(ctx context.Context) (answers bool) {
	defer func() {
		if recover() != nil { // testcontainers panics where it finds no address of Docker at all
			answers = false
		}
	}()

	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()

	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return false
	}
	defer provider.Close()

	return provider.Health(ctx) == nil
}

func startContainer(ctx context.Context) (*server, error) {
	container, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts("6379/tcp"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("6379/tcp")),
	)
	stop := func() {
		if stopErr := testcontainers.TerminateContainer(container); stopErr != nil {
			fmt.Fprintln(os.Stderr, "redistest:", stopErr)
		}
	}

	if err != nil {
		stop()

		return nil, fmt.Errorf("start %s: %w", image, err)
	}

	endpoint, err := container.Endpoint(ctx, "redis")
	if err != nil {
		stop()

		return nil, fmt.Errorf("find %s: %w", image, err)
	}

	return &server{url: endpoint, stop: stop}, nil
}

func startProgram(program string) (*server, error) {
	var err error

	for range startTries {
		var running *server
		if running, err = startOnce(program); err == nil {
			return running, nil
		}
	}

	return nil, err
}

func startOnce(program string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}

	folder, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Redis: %w", err)
	}

	var log bytes.Buffer

	command := exec.Command(program, //nolint:gosec,noctx // it is stopped below
		"--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", "", "--appendonly", "no")
	command.Stdout, command.Stderr = &log, &log

	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}

	running := &server{url: "redis://" + net.JoinHostPort("127.0.0.1", port) + "/0", stop: func() {
		_ = command.Process.Kill() //nolint:errcheck // it may have ended
		_ = command.Wait()         //nolint:errcheck // it was killed
		_ = os.RemoveAll(folder)
	}}

	if err := answers(running.url); err != nil {
		running.stop()

		return nil, fmt.Errorf("%s did not answer: %w: %s", program, err, log.String())
	}

	return running, nil
}

// answers waits until a server answers.
func answers(address string) error {
	options, err := redis.ParseURL(address)
	if err != nil {
		return fmt.Errorf("read the address: %w", err)
	}

	client := redis.NewClient(options)
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), processTimeout)
	defer cancel()

	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return nil
		}

		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing is waited for
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()

	_, port, err := net.SplitHostPort(listener.Addr().String())

	return port, err
}
