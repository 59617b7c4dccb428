package join

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/system"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// linesKept is how many lines of its log a process holds until they are sent.
const linesKept = 1024

// told is what a process tells the lab of single requests, beside its figures:
// answers, spans and lines of its log. Each is bounded, none of them makes a
// request wait, and what finds no room is counted.
type told struct {
	answers answers
	spans   trace.Outbox
	tracer  *trace.Tracer
	lines   journal.Outbox
	owed    Batch // that the lab has not confirmed
	due     bool  // whether there is one
}

// newTold returns an empty one, and the process's log with its lines noted.
func newTold(wall *clock.Wall, log *slog.Logger) (*told, *slog.Logger, error) {
	t := &told{}
	var errTrace, errLog error
	t.tracer, errTrace = trace.New(trace.Config{Outbox: &t.spans, Keep: 1})
	t.lines.Journal, errLog = journal.New(wall, linesKept, journal.Settings{Mode: journal.Off}) // lines of requests are made of the answers
	if err := errors.Join(errTrace, errLog); err != nil {
		return nil, nil, err
	}
	return t, slog.New(t.lines.Journal.Handler(log.Handler())), nil
}

// batch returns what is to be sent: what was sent in vain before, else what
// has come since.
func (t *told) batch(wall *clock.Wall) Batch {
	if !t.due {
		number := t.owed.Number + 1
		t.owed = Batch{Number: number}
		t.owed.Answers, t.owed.Missed = t.answers.take()
		t.owed.Spans, t.owed.LostSpans = t.spans.Take()
		t.owed.Lines, t.owed.LostLines = t.lines.Take()
		t.due = true
	}
	now := wall.Now()
	t.owed.Sent = wall.Date(now)
	for i := range t.owed.Answers {
		t.owed.Answers[i].Ago = now - t.owed.Answers[i].at
	}
	return t.owed
}

// confirmed notes that the lab has the batch.
func (t *told) confirmed() { t.due = false }

// tracing finds a request's place in its trace, where nothing is recorded here.
type tracing struct{}

// follow returns what an instance calls for each request: it begins the span, and keeps the
// request's place in its trace for the call to the service.
func (t *told) follow(name string, ops []system.Op) func(context.Context, http.Header, *lab.Request) (context.Context, func(lab.Response)) {
	return func(ctx context.Context, h http.Header, r *lab.Request) (context.Context, func(lab.Response)) {
		if at := h[trace.Header]; len(at) > 0 {
			ctx = context.WithValue(ctx, tracing{}, at[0])
		}
		op := ""
		if int(r.Op) < len(ops) {
			op = ops[r.Op].Name
		}
		return t.tracer.Serve(ctx, h, name, op, r)
	}
}

// parent returns a request's place in its trace, as a header's value.
func (t *told) parent(ctx context.Context) string {
	if own := t.tracer.Parent(ctx); own != "" {
		return own
	}
	at, _ := ctx.Value(tracing{}).(string)
	return at
}

// answers collects what was answered for the next report.
type answers struct {
	mu     sync.Mutex
	list   []Answer // guarded by mu; at most MaxAnswers
	missed uint64   // guarded by mu
}

// count returns next with each answer noted.
func (a *answers) count(c clock.Clock, next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		began := c.Now()
		res := next.Serve(ctx, r)
		one := Answer{Op: r.Op, Outcome: res.Outcome, Reason: res.Reason, Took: c.Now() - began, User: r.User, ID: r.ID, Try: r.Try, Trace: trace.Of(ctx), at: c.Now()}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.list) == MaxAnswers {
			a.missed++
			return res
		}
		a.list = append(a.list, one)
		return res
	})
}

// take returns what there is and begins afresh.
func (a *answers) take() ([]Answer, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	list, missed := a.list, a.missed
	a.list, a.missed = nil, 0
	return list, missed
}
