package journal

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"workbench/lab"
)

// RequestHeader is the number of the request that published a message, so that
// the lines of both are drawn or none.
const RequestHeader = "request"

// Produce returns the headers of a message that a request publishes, with the
// request's number added as far as lines are written. Headers are copied, not
// changed.
func (j *Journal) Produce(r *lab.Request, headers map[string]string) map[string]string {
	if j == nil || j.settings.Load().Mode == Off {
		return headers
	}
	out := make(map[string]string, len(headers)+3)
	for k, v := range headers {
		out[k] = v
	}
	out[RequestHeader] = strconv.FormatUint(r.ID, 10)
	return out
}

// Delivery is a message that a worker has handled.
type Delivery struct {
	From        string // the broker
	ID          string // the message's
	Correlation string // the trace of the request that published it; empty: it was not followed
	Request     string // the number of that request, from its header
	Attempt     int
}

// Consume begins the line of a message that was delivered, as far as the settings
// have one. end must be called with the result and what else is to be said; it is
// nil where there is no line, whatever comes of it.
func (j *Journal) Consume(d Delivery) (end func(err error, more ...Attr)) {
	if j == nil {
		return nil
	}
	s := j.settings.Load()
	if s.Mode == Off {
		return nil
	}
	began := j.clock.Now()
	return func(err error, more ...Attr) {
		now := j.clock.Now()
		res := lab.Response{}
		if err != nil {
			res.Outcome = lab.Failed
		}
		number, _ := strconv.ParseUint(d.Request, 10, 64) // one that is no number is drawn as 0, and so like all others of its kind
		if !s.wants(&lab.Request{ID: number}, res) {
			j.skipped.Add(1)
			return
		}
		j.delivered(d, res, err, now-began, j.clock.Date(now), more)
	}
}

func (j *Journal) delivered(d Delivery, res lab.Response, err error, took time.Duration, at time.Time, more []Attr) {
	line := slog.NewRecord(at, levelOf(res), "delivery", 0)
	line.AddAttrs(slog.String("correlation_id", d.Correlation), slog.String("instance", "workers"), slog.String("op", "deliver"),
		slog.String("outcome", res.Outcome.String()), slog.Duration("took", took),
		slog.String("broker", d.From), slog.String("message", d.ID), slog.Int("attempt", d.Attempt))
	for _, a := range more {
		line.AddAttrs(slog.String(a.Key, a.Value))
	}
	if err != nil {
		line.AddAttrs(slog.String("error", err.Error()))
	}
	_ = j.requests.Handler().Handle(context.Background(), line) // without the worker's own trace: the line belongs to the request
}
