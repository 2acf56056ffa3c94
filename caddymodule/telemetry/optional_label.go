package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// optionalLabel is a collector whose metrics lack a label where it is empty. Prometheus takes an
// empty label for none, but what else reads the text may not.
type optionalLabel struct {
	prometheus.Collector
	label string
}

// Describe implements prometheus.Collector. A registry holds the labels of all metrics of one name
// against what is described; this describes nothing, and so is not held to it.
func (optionalLabel) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (o optionalLabel) Collect(ch chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		o.Collector.Collect(all)
	}()
	for m := range all {
		ch <- optionallyLabelled{m, o.label}
	}
}

type optionallyLabelled struct {
	prometheus.Metric
	label string
}

// Write implements prometheus.Metric.
func (o optionallyLabelled) Write(m *dto.Metric) error {
	err := o.Metric.Write(m)
	empty := func(l *dto.LabelPair) bool { return l.GetName() == o.label && l.GetValue() == "" }
	if slices.ContainsFunc(m.Label, empty) {
		m.Label = slices.DeleteFunc(slices.Clone(m.Label), empty) // it is the collector's own
	}
	return err
}
