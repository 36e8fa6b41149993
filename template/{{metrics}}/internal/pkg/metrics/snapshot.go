package metrics

import "github.com/prometheus/client_golang/prometheus"

// Number is one number of a snapshot.
type Number[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(S) float64
}

// plain are the types a number may have. A time.Duration is none: metrics have seconds.
type plain interface {
	int | int32 | int64 | uint | uint32 | uint64 | float64
}

// Counter is a number that only grows; its name ends in _total. Numbers with the same name need the same help and the same
// names of labels.
func Counter[S any, N plain](name, help string, labels prometheus.Labels, value func(S) N) Number[S] {
	return number(prometheus.CounterValue, name, help, labels, value)
}

// Gauge is a number that goes up and down. For names and labels it is like Counter.
func Gauge[S any, N plain](name, help string, labels prometheus.Labels, value func(S) N) Number[S] {
	return number(prometheus.GaugeValue, name, help, labels, value)
}

func number[S any, N plain](
	kind prometheus.ValueType, name, help string, labels prometheus.Labels, value func(S) N,
) Number[S] {
	return Number[S]{
		desc:  prometheus.NewDesc(name, help, nil, labels),
		kind:  kind,
		value: func(snapshot S) float64 { return float64(value(snapshot)) },
	}
}

// Register shows numbers of the snapshots that stats returns, one for each scrape. It panics when a number is there already,
// which is a mistake that every start shows. Stats may be called by many at once.
func Register[S any](registry prometheus.Registerer, stats func() S, numbers ...Number[S]) {
	registry.MustRegister(snapshots[S]{stats: stats, numbers: numbers})
}

type snapshots[S any] struct {
	stats   func() S
	numbers []Number[S]
}

// Describe implements prometheus.Collector.
func (s snapshots[S]) Describe(descs chan<- *prometheus.Desc) {
	for _, n := range s.numbers {
		descs <- n.desc
	}
}

// Collect implements prometheus.Collector.
func (s snapshots[S]) Collect(metrics chan<- prometheus.Metric) {
	snapshot := s.stats()
	for _, n := range s.numbers {
		metrics <- prometheus.MustNewConstMetric(n.desc, n.kind, n.value(snapshot))
	}
}
