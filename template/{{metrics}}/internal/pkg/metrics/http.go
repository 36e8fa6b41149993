package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// buckets are the bounds of durations, in seconds: from an answer out of memory to what every client calls an outage.
var buckets = []float64{ //nolint:gochecknoglobals // a constant in all but name
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
}

// HTTP counts requests. Its methods are safe for concurrent use.
type HTTP struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewHTTP returns an HTTP whose numbers are in the registry.
func NewHTTP(registry *prometheus.Registry) *HTTP {
	h := &HTTP{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "Requests answered, by method, template of the route, and class of the status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "How long the service worked on requests, from when it took them up to the answer, by method and template of the route.",
			Buckets: buckets,
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	registry.MustRegister(h.requests, h.duration, h.inFlight)

	return h
}

// Begin counts a request that has come.
func (h *HTTP) Begin() { h.inFlight.Inc() }

// End counts its answer. Method and route become labels, each value of which is kept for as long as the process lives: both
// must come from small sets, never from what a client sent.
func (h *HTTP) End(method, route string, status int, took time.Duration) {
	h.inFlight.Dec()
	h.requests.WithLabelValues(method, route, class(status)).Inc()
	h.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

// class is 2xx for 201.
func class(status int) string { return strconv.Itoa(status/100) + "xx" }
