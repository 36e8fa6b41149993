// Package apperror gives errors a kind that every layer understands and a code that clients may rely on.
//
// The domain returns these errors; the HTTP layer alone decides which status a kind becomes.
package apperror

import (
	"errors"
	"slices"
	"time"
)

// The kinds of error. Every Error is one of them: test with errors.Is(err, apperror.ErrNotFound).
var (
	ErrMalformed       = errors.New("malformed request")
	ErrValidation      = errors.New("validation failed")
	ErrUnauthorized    = errors.New("unauthorized")
	ErrForbidden       = errors.New("forbidden")
	ErrNotFound        = errors.New("not found")
	ErrConflict        = errors.New("conflict")
	ErrTooManyRequests = errors.New("too many requests")
	ErrUnavailable     = errors.New("unavailable")
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	// Field is the path of the field in the request, such as "email" or "metadata.plan".
	Field string
	// Code is stable and meant for programs, such as "required".
	Code string
	// Message is meant for people. It never repeats the value that was refused.
	Message string
}

// Error is an error a caller can act on. It is immutable once made and safe for concurrent use.
type Error struct {
	kind       error
	code       string
	message    string
	fields     []FieldError
	retryAfter time.Duration
	cause      error
}

// New makes an error of a kind. The code is part of the public contract; the message is shown to clients, so it says
// nothing about the inside of the service.
func New(kind error, code, message string) *Error {
	return &Error{kind: kind, code: code, message: message, fields: nil, retryAfter: 0, cause: nil}
}

// Malformed says that the request can't be read at all.
func Malformed(code, message string) *Error { return New(ErrMalformed, code, message) }

// NotFound says that the thing asked for does not exist, or not for this caller.
func NotFound(code, message string) *Error { return New(ErrNotFound, code, message) }

// Conflict says that the request is at odds with what is stored.
func Conflict(code, message string) *Error { return New(ErrConflict, code, message) }

// TooManyRequests says that the caller asks too often, and how long to wait before the next request.
func TooManyRequests(code, message string, retryAfter time.Duration) *Error {
	return New(ErrTooManyRequests, code, message).After(retryAfter)
}

// Unavailable says that the request may succeed when it is sent again later.
func Unavailable(code, message string) *Error { return New(ErrUnavailable, code, message) }

// Validation says which fields of the request break the contract.
func Validation(fields ...FieldError) *Error {
	e := New(ErrValidation, "validation_failed", "the request breaks the contract; see errors")
	e.fields = slices.Clone(fields)

	return e
}

// Wrap returns a copy of e that has a cause. The cause is for logs: clients never see it.
func (e *Error) Wrap(cause error) *Error {
	wrapped := *e
	wrapped.cause = cause

	return &wrapped
}

// After returns a copy of e that says how long to wait before the next request.
func (e *Error) After(wait time.Duration) *Error {
	later := *e
	later.retryAfter = wait

	return &later
}

// Error returns the message and, for the log, the cause.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.message
	}

	return e.message + ": " + e.cause.Error()
}

// Unwrap returns the kind and the cause, so that errors.Is and errors.As find both.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}

	return []error{e.kind, e.cause}
}

// Is reports whether target has the same kind and code, so that a wrapped copy still matches the error it was made from.
func (e *Error) Is(target error) bool {
	var other *Error
	if !errors.As(target, &other) {
		return false
	}

	return errors.Is(other.kind, e.kind) && other.code == e.code
}

// Kind returns the kind of the error, one of the variables of this package.
func (e *Error) Kind() error { return e.kind }

// Code returns the stable code of the error.
func (e *Error) Code() string { return e.code }

// Message returns the text that clients may see.
func (e *Error) Message() string { return e.message }

// Fields returns what is wrong with each field; empty for all but validation errors.
func (e *Error) Fields() []FieldError { return slices.Clone(e.fields) }

// RetryAfter returns how long to wait before the next request; 0 when the error does not say.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }
