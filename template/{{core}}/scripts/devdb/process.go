//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	// groupTimeout is how long what the command started may go on after it, such as a server behind go run.
	groupTimeout = 10 * time.Second
	// pollInterval is how often a state is looked at that nothing announces.
	pollInterval = 100 * time.Millisecond
	// signalCode is added to the number of the signal that ended a command, as shells do.
	signalCode = 128
)

// startServer runs devdb serve as a process of its own, which may give up the rights of root, and returns the URL.
func startServer() (string, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, fmt.Errorf("find devdb: %w", err)
	}

	server := exec.Command(self, "serve", "-folder", dataFolder) //nolint:gosec,noctx // it ends with its input
	server.Stderr = os.Stderr
	// An interrupt from the terminal must reach the command first, which still needs the database.
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	input, err := server.StdinPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the database: %w", err)
	}

	output, err := server.StdoutPipe()
	if err != nil {
		return "", nil, fmt.Errorf("start the database: %w", err)
	}

	if err = server.Start(); err != nil {
		return "", nil, fmt.Errorf("start the database: %w", err)
	}

	stop := func() {
		if stopErr := errors.Join(input.Close(), server.Wait()); stopErr != nil {
			fmt.Fprintln(os.Stderr, "devdb: stop the database:", stopErr)
		}
	}

	address, err := readAddress(output)
	if err != nil {
		// It said why on standard error.
		return "", nil, fmt.Errorf("start the database: %w", errors.Join(err, input.Close(), server.Wait()))
	}

	return address, stop, nil
}

// readAddress reads the line that a server prints when it is up. A server may also end without an error before that.
func readAddress(output io.Reader) (string, error) {
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it printed no address: %w", err)
	}

	return strings.TrimSpace(address), nil
}

// runCommand runs a command, passes signals on to it and to what it starts, and returns the code it ended with.
func runCommand(command, environment []string) (int, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	child := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // this is what devdb is asked to run
	child.Env = append(os.Environ(), environment...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	// A group of its own gets each signal once, from here.
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	if err := child.Start(); err != nil {
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}

	group := -child.Process.Pid
	ended := make(chan error, 1)

	go func() { ended <- child.Wait() }()

	poll := time.NewTicker(pollInterval)
	defer poll.Stop()

	for parent := os.Getppid(); ; {
		select {
		case s := <-signals:
			forward(group, s)
		case <-poll.C:
			if now := os.Getppid(); now != parent { // go run dies of a SIGTERM without a word
				parent = now

				forward(group, syscall.SIGTERM)
			}
		case err := <-ended:
			awaitGroup(group)

			return exitCode(child, err)
		}
	}
}

func forward(group int, s os.Signal) {
	if number, ok := s.(syscall.Signal); ok {
		// The group may have ended a moment ago.
		_ = syscall.Kill(group, number) //nolint:errcheck // see above
	}
}

// awaitGroup waits until all processes of a group have ended: a server that drains still needs the database.
func awaitGroup(group int) {
	for deadline := time.Now().Add(groupTimeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
		if err := syscall.Kill(group, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
	}
}

func exitCode(child *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, fmt.Errorf("run %s: %w", child.Path, err)
	}

	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalCode + int(status.Signal()), nil
	}

	return child.ProcessState.ExitCode(), nil
}
