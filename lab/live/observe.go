package live

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/series"
	"workbench/lab/trace"
	"workbench/sim/load"
)

// observe is what looks at the service without taking part: traces and logs. It
// outlives the runs.
type observe struct {
	tracer  *trace.Tracer
	journal *journal.Journal
	signals *signals
	series  *series.Series

	rehearsal rehearsal
}

// linesKept is how many lines of the log a page can look back.
const linesKept = 4096

func (l *Lab) openObserve() error {
	var errTrace, errLog, errSignals, errSeries error
	l.observe.tracer, errTrace = trace.New(trace.Config{Settings: l.cfg.Trace, Export: l.cfg.Export})
	if l.cfg.Lines.Mode == "" {
		l.cfg.Lines.Mode = journal.Off
	}
	l.observe.journal, errLog = journal.New(l.clock, linesKept, l.cfg.Lines)
	l.observe.signals, errSignals = openSignals()
	l.observe.series, errSeries = series.New(l.clock, series.Defaults())
	if err := errors.Join(errTrace, errLog, errSignals, errSeries); err != nil {
		return err
	}
	l.cfg.Log = slog.New(l.observe.journal.Handler(l.cfg.Log.Handler()))
	return nil
}

// Traces returns where single requests can be followed.
func (l *Lab) Traces() *trace.Tracer { return l.observe.tracer }

// Journal returns the log.
func (l *Lab) Journal() *journal.Journal { return l.observe.journal }

// SetTracing changes what is traced, for the service and its users alike.
func (l *Lab) SetTracing(s trace.Settings) error {
	l.change.Lock()
	defer l.change.Unlock()
	if err := l.observe.tracer.Set(s); err != nil {
		return invalid(err)
	}
	r, err := l.current()
	if err != nil {
		return nil // the next run begins with it
	}
	r.confirm()
	if err := r.apply(load.Change{Trace: r.tracing()}); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// SetLogging changes which requests get a line.
func (l *Lab) SetLogging(s journal.Settings) error { return invalid(l.observe.journal.Set(s)) }

// Series returns the metric with a label that has many values.
func (l *Lab) Series() *series.Series { return l.observe.series }

// tracing returns how the users' requests of this run are named.
func (r *run) tracing() *load.Tracing {
	t := r.lab.observe.tracer
	return &load.Tracing{On: t.On(), Salt: r.salt(), Share: t.Settings().Share}
}

// salt sets the traces of one run apart from those of all others, also of
// another process.
func (r *run) salt() uint64 { return uint64(r.lab.clock.Date(0).UnixNano())*1021 + r.id }

// watch returns what an instance calls for each request.
func (r *run) watch(instance string, ops []string) func(context.Context, http.Header, *lab.Request) (context.Context, func(lab.Response)) {
	t := r.lab.observe.tracer
	return func(ctx context.Context, h http.Header, q *lab.Request) (context.Context, func(lab.Response)) {
		op := ""
		if int(q.Op) < len(ops) {
			op = ops[q.Op]
		}
		return t.Serve(ctx, h, instance, op, q)
	}
}

// told returns what traces call a gate, and the real work that is done behind
// it.
func (r *run) told(gate string) (name, real string) {
	name, title := "database", r.kind.Gate
	switch gate {
	case "provider":
		name, title = gate, r.kind.Provider
	case "second":
		name, title = gate, r.kind.Second
	}
	if title != "" {
		name = strings.ToLower(title)
	}
	switch {
	case r.replicated():
		real, _, _ = strings.Cut(r.lab.data.label, " ·") // without its address: a span's name is one of few
	case name == "database":
		real = "SQLite"
	default:
		real = "work"
	}
	return name, real
}
