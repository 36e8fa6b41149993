package config

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

const (
	exportNothing = "none"
	headersWanted = "must be a list such as authorization=Bearer%20TOKEN,x-tenant=7, with values escaped as in URLs"
	// inHeaderName are the characters of the name of a header (RFC 9110, section 5.6.2).
	inHeaderName = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// Tracing says what becomes of spans. The variables are those of OpenTelemetry; its SDK reads more of them itself:
// certificates, timeouts and the limits of queues and spans.
type Tracing struct {
	// Disabled makes no spans at all.
	Disabled bool `env:"OTEL_SDK_DISABLED" envDefault:"false"`
	// Endpoint is the collector, for everything that is sent to one; TracesEndpoint, when set, is the one for spans. Without
	// both, spans are not sent, while requests still get their identifiers.
	Endpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	// Headers go to the collector with all that is sent, such as a token; TracesHeaders, when set, with spans. The SDK reads them
	// itself, and would print one that is wrong.
	Headers       string `env:"OTEL_EXPORTER_OTLP_HEADERS"`
	TracesHeaders string `env:"OTEL_EXPORTER_OTLP_TRACES_HEADERS"`
	// Exporter is otlp, or none, which sends nothing either.
	Exporter string `env:"OTEL_TRACES_EXPORTER" envDefault:"otlp"`
	// Protocol and TracesProtocol can be nothing but grpc, and Propagators nothing but what W3C has.
	Protocol       string   `env:"OTEL_EXPORTER_OTLP_PROTOCOL"        envDefault:"grpc"`
	TracesProtocol string   `env:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL" envDefault:"grpc"`
	Propagators    []string `env:"OTEL_PROPAGATORS"                   envDefault:"tracecontext"`
	// Sampler decides which requests are traced, SamplerArg how many of those that nobody has decided about.
	Sampler    string  `env:"OTEL_TRACES_SAMPLER"     envDefault:"parentbased_traceidratio"`
	SamplerArg float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"`
}

// Collector is where spans are sent; "" when they are not.
func (t *Tracing) Collector() string {
	if t.Exporter == exportNothing {
		return ""
	}

	return cmp.Or(t.TracesEndpoint, t.Endpoint)
}

func (t *Tracing) check(r *report) {
	r.add(t.Endpoint == "" || isCollector(t.Endpoint), "OTEL_EXPORTER_OTLP_ENDPOINT",
		"must be an address such as http://localhost:4317, or https:// for TLS")
	r.add(t.TracesEndpoint == "" || isCollector(t.TracesEndpoint), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"must be an address such as http://localhost:4317, or https:// for TLS")
	r.add(t.Headers == "" || areHeaders(t.Headers), "OTEL_EXPORTER_OTLP_HEADERS", headersWanted)
	r.add(t.TracesHeaders == "" || areHeaders(t.TracesHeaders), "OTEL_EXPORTER_OTLP_TRACES_HEADERS", headersWanted)
	r.add(t.Exporter == "otlp" || t.Exporter == exportNothing, "OTEL_TRACES_EXPORTER", "must be otlp or none")
	r.add(t.Protocol == "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL", "must be grpc: the service speaks no other")
	r.add(t.TracesProtocol == "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "must be grpc: the service speaks no other")
	r.add(!slices.ContainsFunc(t.Propagators, isUnknownPropagator), "OTEL_PROPAGATORS",
		"must be tracecontext, with or without baggage, which is not passed on")
	r.add(slices.Contains([]string{
		"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}, t.Sampler), "OTEL_TRACES_SAMPLER",
		"must be always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio")
	r.add(t.SamplerArg >= 0 && t.SamplerArg <= 1, "OTEL_TRACES_SAMPLER_ARG", "must be between 0 and 1")
}

func isUnknownPropagator(name string) bool { return name != "tracecontext" && name != "baggage" }

// areHeaders reports whether text is a list of headers as the SDK reads it.
func areHeaders(text string) bool {
	for header := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(header, "=")
		name = strings.TrimSpace(name)

		_, err := url.PathUnescape(value)
		if !found || err != nil || name == "" || strings.Trim(name, inHeaderName) != "" {
			return false
		}
	}

	return true
}

// isCollector reports whether text is the address of a gRPC server: a scheme, a host and a port.
func isCollector(text string) bool {
	u, err := url.Parse(text)

	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Port() != ""
}
