package web

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"workbench/web/stream"
)

// register adds the figures of the event streams to a registry, which may be
// nil. A registry takes the figures of one server; a second one is an error.
func register(to prometheus.Registerer, hub *stream.Hub) error {
	if to == nil {
		return nil
	}
	total := func(name, help string, value func(stream.Counts) uint64) prometheus.Collector {
		opts := prometheus.CounterOpts{Namespace: "workbench", Subsystem: "stream", Name: name, Help: help}
		return prometheus.NewCounterFunc(opts, func() float64 { return float64(value(hub.Counts())) })
	}
	readers := prometheus.GaugeOpts{Namespace: "workbench", Subsystem: "stream", Name: "readers", Help: "Event streams that are open now."}
	var faults []error
	for _, c := range []prometheus.Collector{
		prometheus.NewGaugeFunc(readers, func() float64 { return float64(hub.Counts().Readers) }),
		total("frames_total", "Frames offered to readers, once for each reader.", func(c stream.Counts) uint64 { return c.Frames }),
		total("frames_dropped_total", "Frames that a reader missed because it was too slow.", func(c stream.Counts) uint64 { return c.Dropped }),
		total("readers_cut_total", "Readers cut off because they did not read.", func(c stream.Counts) uint64 { return c.Cut }),
	} {
		if err := to.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("register the metrics of the event streams: %w", err))
		}
	}
	return errors.Join(faults...)
}
