package live

import (
	"sync"
	"time"

	"workbench/lab/alert"
	"workbench/lab/meter"
	"workbench/lab/signal"
)

// windowsKept is how many seconds of signals are kept: ten minutes.
const windowsKept = 600

// signals is what a page about the lab's figures reads. Once a second of a run
// it takes what a scrape would say.
type signals struct {
	recorder *signal.Recorder

	mu     sync.Mutex
	alerts *alert.Alerts          // guarded by mu
	config alert.Config           // guarded by mu
	at     time.Duration          // guarded by mu; the end of the last window, on the lab's clock
	ready  map[chan struct{}]bool // guarded by mu; told after each window
}

func openSignals() (*signals, error) {
	c := alert.Defaults()
	a, err := alert.New(c)
	if err != nil {
		return nil, err
	}
	return &signals{recorder: signal.NewRecorder(windowsKept), alerts: a, config: c, ready: map[chan struct{}]bool{}}, nil
}

// look takes one second's signals.
func (l *Lab) look() {
	s := l.observe.signals
	sample, err := signal.Read(l.clock.Now(), l.meter.Gatherer())
	if err != nil {
		l.cfg.Log.Warn("signals not read", "error", err)
		return
	}
	if _, err := l.observe.series.Look(); err != nil {
		l.cfg.Log.Warn("series not read", "error", err)
	}
	w, ok := s.recorder.Add(sample)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		all := w.All()
		s.alerts.Add(w.At, all.Good(), all.Bad())
		s.at = w.At
	}
	for ch := range s.ready {
		select {
		case ch <- struct{}{}:
		default: // it has not yet looked at the last one, and will see this too
		}
	}
}

// Signals returns the last n seconds' windows, the oldest first.
func (l *Lab) Signals(n int) []signal.Window { return l.observe.signals.recorder.Windows(n) }

// Alarm is both alerts as they stand.
type Alarm struct {
	Config alert.Config  `json:"config"`
	State  alert.State   `json:"state"`
	Pages  []alert.Page  `json:"pages"` // the oldest first; times on the lab's clock
	Now    time.Duration `json:"now"`
}

// Alarm returns both alerts as they stand.
func (l *Lab) Alarm() Alarm {
	s := l.observe.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	return Alarm{Config: s.config, State: s.alerts.State(), Pages: s.alerts.Pages(), Now: l.clock.Now()}
}

// SetAlarm changes the objective and the threshold. Both alerts begin afresh.
func (l *Lab) SetAlarm(objective, share float64) error {
	s := l.observe.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.config
	c.Objective, c.Share = objective, share
	a, err := alert.New(c)
	if err != nil {
		return invalid(err)
	}
	s.alerts, s.config = a, c
	return nil
}

// Ready returns a channel that is told after each second's window, and how to
// stop it.
func (l *Lab) Ready() (<-chan struct{}, func()) {
	s := l.observe.signals
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

// pools returns the connection pools of the service.
func (l *Lab) pools() []meter.PoolFigures {
	if l.redis == nil {
		return nil
	}
	s := l.redis.Client().PoolStats()
	if s == nil {
		return nil
	}
	return []meter.PoolFigures{{Name: "redis", Used: float64(s.TotalConns-min(s.IdleConns, s.TotalConns)) / redisPool, Errors: uint64(s.Timeouts)}}
}

// redisPool is how many connections to Redis there are at most: see package
// remote.
const redisPool = 64
