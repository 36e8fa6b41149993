package feature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

const largestFile = 1 << 20

// watcher follows a file. It looks at the content and not at the time of the last change: clocks are coarse, and what is
// mounted into containers changes by a link.
type watcher struct {
	path     string
	provider *provider
	log      *zap.Logger

	content []byte // of the rules in force, nil before the first
	problem string // of the last attempt, "" when there was none
}

// start reads the file again and again until the function it returns has returned.
func (w *watcher) start(every time.Duration) func() {
	ctx, cancel := context.WithCancel(context.Background())

	var running sync.WaitGroup

	running.Go(func() { w.follow(ctx, every) })

	return func() {
		cancel()
		running.Wait()
	}
}

func (w *watcher) follow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.again()
		}
	}
}

// again puts what has changed in force. A file that can't be read changes nothing, and is reported once.
func (w *watcher) again() {
	before := w.content

	err := w.read()

	switch {
	case err != nil && err.Error() != w.problem:
		w.problem = err.Error()
		w.log.Warn("the file of feature flags can't be used; what it said before stays in force", zap.Error(err))
	case err == nil && (w.problem != "" || !bytes.Equal(before, w.content)):
		w.problem = ""
		w.log.Info("the file of feature flags was read anew")
	}
}

// read puts the file in force unless it is what it was.
func (w *watcher) read() error {
	content, err := readFile(w.path)
	if err != nil {
		return err
	}

	if w.content != nil && bytes.Equal(content, w.content) {
		return nil
	}

	rules, err := parseFile(content)
	if err != nil {
		return err
	}

	w.provider.use(rules, w.log)
	w.content = content

	return nil
}

func readFile(path string) (content []byte, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator says which
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()

	content, err = io.ReadAll(io.LimitReader(file, largestFile+1))

	switch {
	case err != nil:
		return nil, fmt.Errorf("can't be read: %w", err)
	case len(content) > largestFile:
		return nil, errTooLarge
	default:
		return content, nil
	}
}
