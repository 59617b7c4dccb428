package webtest

import (
	"context"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/alert"
	"workbench/lab/incident"
	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/series"
	"workbench/lab/signal"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// Seen is what is seen of a service that is not there: the real stores of traces
// and lines, filled by the test. It is safe for concurrent use. Use NewSeen.
type Seen struct {
	Tracer *trace.Tracer
	Lines  *journal.Journal
	Metric *series.Series
	Clock  *clock.Wall

	mu      sync.Mutex
	windows []signal.Window        // guarded by mu
	alarm   live.Alarm             // guarded by mu
	session *incident.Session      // guarded by mu
	now     time.Duration          // guarded by mu; of the rehearsal
	ready   map[chan struct{}]bool // guarded by mu; one for each page that waits
}

// NewSeen returns one that has seen one failed request and one window.
func NewSeen() (*Seen, error) {
	s := &Seen{Clock: clock.NewWall(), ready: map[chan struct{}]bool{}, now: time.Second, alarm: live.Alarm{Config: alert.Defaults(), Pages: []alert.Page{{Kind: alert.Threshold, Rule: "share", From: time.Second}}}}
	var err error
	if s.Tracer, err = trace.New(trace.Config{Settings: trace.Settings{On: true, Share: 1, Tail: true, Slow: time.Second}}); err != nil {
		return nil, err
	}
	if s.Lines, err = journal.New(s.Clock, 100, journal.Settings{Mode: journal.All, Share: .1}); err != nil {
		return nil, err
	}
	if s.Metric, err = series.New(s.Clock, series.Defaults()); err != nil {
		return nil, err
	}
	s.Request(lab.Refuse(lab.Shed, "queue_full", time.Second))
	s.windows = []signal.Window{{
		At: time.Second, Span: time.Second,
		Ops:       []signal.Call{{Name: "read", Outcomes: [7]uint64{90, 0, 0, 10}, Took: signal.Hist{Schema: 3, Buckets: map[int32]uint64{-40: 100}, Sum: 3, Count: 100}}},
		Instances: []signal.Call{{Name: "a", Outcomes: [7]uint64{90, 0, 0, 10}}},
		Resources: []signal.Resource{{Name: "gate", Kind: "gate", Used: .5, Waiting: 7, Errors: 3}},
	}}
	return s, nil
}

// Request lets one request of user 42 end in res.
func (s *Seen) Request(res lab.Response) {
	r := &lab.Request{ID: 1, User: 42}
	h := s.Lines.Wrap("a", []string{"read"}, s.Tracer.Chain("a", s.Clock)("queue", lab.On, nil, func(lab.Handler) lab.Handler {
		return lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return res })
	}))
	ctx, done := s.Tracer.Serve(context.Background(), nil, "a", "read", r)
	res = h.Serve(ctx, r)
	if done != nil {
		done(res)
	}
}

// Tick tells the pages that a second has passed.
func (s *Seen) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.ready {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Pass moves the rehearsal's clock on.
func (s *Seen) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += d
}

// Cause returns what the rehearsal hides.
func (s *Seen) Cause() incident.Cause {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.Cause()
}

// Traces implements web.Observe.
func (s *Seen) Traces() *trace.Tracer { return s.Tracer }

// Journal implements web.Observe.
func (s *Seen) Journal() *journal.Journal { return s.Lines }

// SetTracing implements web.Observe.
func (s *Seen) SetTracing(set trace.Settings) error { return s.Tracer.Set(set) }

// SetLogging implements web.Observe.
func (s *Seen) SetLogging(set journal.Settings) error { return s.Lines.Set(set) }

// Signals implements web.Observe.
func (s *Seen) Signals(int) []signal.Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.windows
}

// Alarm implements web.Observe.
func (s *Seen) Alarm() live.Alarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alarm
}

// SetAlarm implements web.Observe.
func (s *Seen) SetAlarm(objective, share float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.alarm.Config
	c.Objective, c.Share = objective, share
	if err := c.Validate(); err != nil {
		return &live.FieldError{Field: "objective", Got: err.Error(), Want: "what can be"}
	}
	s.alarm.Config = c
	return nil
}

// Series implements web.Observe.
func (s *Seen) Series() *series.Series { return s.Metric }

// Ready implements web.Observe.
func (s *Seen) Ready() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.ready, ch)
	}
}

// Incident implements web.Observe.
func (s *Seen) Incident() incident.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return incident.View{}
	}
	return s.session.Show(s.now)
}

// StartIncident implements web.Observe.
func (s *Seen) StartIncident(_ context.Context, seed uint64) (incident.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	s.session, err = incident.New(seed, s.now, nil)
	if err != nil {
		return incident.View{}, err
	}
	return s.session.Show(s.now), nil
}

// SeeIncident implements web.Observe.
func (s *Seen) SeeIncident() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.See(s.now)
}

// AnswerIncident implements web.Observe.
func (s *Seen) AnswerIncident(cause, fix string) (right, mended bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.Answer(s.now, cause, fix)
}

// EndIncident implements web.Observe.
func (s *Seen) EndIncident(context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session.GiveUp(s.now)
}
