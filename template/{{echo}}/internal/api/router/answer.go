package router

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// answer holds what a handler writes until it is complete, so that an error can replace it and its length is known.
type answer struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

// WriteHeader sets the status. As in net/http, the first one counts.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *answer) Write(part []byte) (int, error) {
	return a.body.Write(part)
}

// Unwrap returns the writer that sends the answer.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) statusCode() int {
	if a.status == 0 {
		return http.StatusOK
	}

	return a.status
}

// replace drops what was written for another answer.
func (a *answer) replace(status int, contentType string, body []byte) {
	a.Header().Del("Content-Length")
	a.Header().Del("Content-Type")

	if contentType != "" {
		a.Header().Set("Content-Type", contentType)
	}

	a.status = status
	a.body.Reset()
	a.body.Write(body)
}

// send writes the answer to the client, which has until the timeout to take it.
func (a *answer) send(timeout time.Duration) error {
	err := http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(timeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("bound the sending of the answer: %w", err)
	}

	status := a.statusCode()
	if status != http.StatusNoContent && a.Header().Get("Content-Length") == "" { // Echo sets it for HEAD
		a.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}

	a.ResponseWriter.WriteHeader(status)

	if _, err := a.body.WriteTo(a.ResponseWriter); err != nil {
		return fmt.Errorf("send the answer: %w", err)
	}

	return nil
}
