// Package tracingtest receives spans, as a collector does.
package tracingtest

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Collector receives spans by OTLP over gRPC. It is safe for concurrent use.
type Collector struct {
	collectorpb.UnimplementedTraceServiceServer

	// URL is what OTEL_EXPORTER_OTLP_ENDPOINT is set to.
	URL string

	mu       sync.Mutex
	received []*tracepb.ResourceSpans
}

// Start runs a collector until the test ends.
func Start(t testing.TB) *Collector {
	t.Helper()

	listener := listen(t)
	collector := &Collector{URL: "http://" + listener.Addr().String()}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, collector)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	t.Cleanup(func() {
		server.Stop()

		if err := <-served; err != nil {
			t.Errorf("tracingtest: %v", err)
		}
	})

	return collector
}

// Hung returns the URL of a collector that takes connections and never says anything.
func Hung(t testing.TB) string {
	t.Helper()

	listener := listen(t)
	t.Cleanup(func() { _ = listener.Close() })

	return "http://" + listener.Addr().String()
}

// Dead returns a URL at which nothing listens.
func Dead(t testing.TB) string {
	t.Helper()

	listener := listen(t)
	if err := listener.Close(); err != nil {
		t.Fatalf("tracingtest: %v", err)
	}

	return "http://" + listener.Addr().String()
}

// Export implements the service of a collector.
func (c *Collector) Export(
	_ context.Context, request *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.received = append(c.received, request.GetResourceSpans()...)

	return new(collectorpb.ExportTraceServiceResponse), nil
}

// Received returns what has been received, by resource.
func (c *Collector) Received() []*tracepb.ResourceSpans {
	c.mu.Lock()
	defer c.mu.Unlock()

	return slices.Clone(c.received)
}

// Spans returns the spans that have been received, by name: the last of each.
func (c *Collector) Spans() map[string]*tracepb.Span {
	spans := make(map[string]*tracepb.Span)

	for _, resource := range c.Received() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans[span.GetName()] = span
			}
		}
	}

	return spans
}

func listen(t testing.TB) net.Listener {
	t.Helper()

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("tracingtest: %v", err)
	}

	return listener
}
