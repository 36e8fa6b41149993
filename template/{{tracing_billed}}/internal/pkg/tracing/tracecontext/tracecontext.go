// Package tracecontext carries the span of a context from one process to another. It does not send spans, so that programs that
// make none, such as migrate, don't bring along what does.
package tracecontext

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// traceparentKey is the header of W3C Trace Context.
const traceparentKey = "traceparent"

// Traceparent returns the span of a context as W3C Trace Context writes it, for what goes on in another process; "" where there is
// none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)

	return carrier.Get(traceparentKey)
}

// WithTraceparent returns a context in which spans are children of the one that Traceparent has written.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparentKey: traceparent})
}
