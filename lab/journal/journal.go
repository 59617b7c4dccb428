// Package journal is the log of one lab: structured lines with the ids that
// tell which of them belong together, in a bounded ring that a page reads and
// follows.
//
// Lines come in by log/slog. Those of the lab's own life go on to another
// handler as well, such as standard error; the lines of single requests stay in
// the ring, and how many of them are written is a setting, because under
// overload a log of everything is itself a load. Secrets are taken out before a
// line is kept or passed on.
package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// orderAddress is how the address of an accepted order begins.
const orderAddress = "/orders/"

// Mode says which requests get a line.
type Mode string

// The modes.
const (
	Off     Mode = "off"
	All     Mode = "all"
	Sampled Mode = "sampled" // a share of all, whatever became of them
	Errors  Mode = "errors"  // only those that were not served
)

// Modes lists the modes in the order of a page.
func Modes() []Mode { return []Mode{All, Sampled, Errors, Off} }

// Settings say what is written.
type Settings struct {
	Mode  Mode    `json:"mode"`
	Share float64 `json:"share"` // of Sampled
}

// Defaults returns the settings with which a lab begins.
func Defaults() Settings { return Settings{Mode: Sampled, Share: 0.1} }

// Validate reports everything that is wrong with s.
func (s Settings) Validate() error {
	var faults []error
	if !slices.Contains(Modes(), s.Mode) {
		faults = append(faults, fmt.Errorf("journal: mode is %q (want all, sampled, errors or off)", s.Mode))
	}
	if !(s.Share >= 0 && s.Share <= 1) {
		faults = append(faults, fmt.Errorf("journal: share is %v (want a share from 0 to 1)", s.Share))
	}
	return errors.Join(faults...)
}

// Attr is a further fact of a line.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Line is one line of the log.
type Line struct {
	Seq      uint64        `json:"seq"`
	At       time.Time     `json:"at"`
	Level    slog.Level    `json:"level"`
	Text     string        `json:"text"`
	Trace    string        `json:"trace,omitempty"` // which request: its trace's id, or the correlation id of a message
	Instance string        `json:"instance,omitempty"`
	Op       string        `json:"op,omitempty"`
	Outcome  string        `json:"outcome,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	User     string        `json:"user,omitempty"`
	Took     time.Duration `json:"took,omitempty"`
	Attrs    []Attr        `json:"attrs,omitempty"`
}

// Counts is what became of lines since the journal was made.
type Counts struct {
	Written uint64 `json:"written"` // lines of all kinds
	Skipped uint64 `json:"skipped"` // requests that the setting left out
	Pushed  uint64 `json:"pushed"`  // lines pushed out of the ring by newer ones
	Missed  uint64 `json:"missed"`  // lines that followers were too slow for
	Carried uint64 `json:"carried"` // of those written, lines of other processes
	Lost    uint64 `json:"lost"`    // lines that other processes had no room for
	Held    int    `json:"held"`    // lines kept now
	Size    int    `json:"size"`    // lines that can be kept
}

// MaxSize bounds the ring.
const MaxSize = 1 << 16

// Journal keeps the last lines. It is safe for concurrent use. Use New.
type Journal struct {
	clock    *clock.Wall
	settings atomic.Pointer[Settings]
	skipped  atomic.Uint64
	marks    marks
	requests *slog.Logger // for the lines of requests: into the ring alone

	mu        sync.Mutex
	lines     []Line             // guarded by mu; a ring once it is full
	next      int                // guarded by mu; where the next line goes
	written   uint64             // guarded by mu
	pushed    uint64             // guarded by mu
	missed    uint64             // guarded by mu
	carried   uint64             // guarded by mu
	lost      uint64             // guarded by mu
	followers map[chan Line]bool // guarded by mu
}

// New returns an empty journal that keeps so many lines.
func New(c *clock.Wall, size int, s Settings) (*Journal, error) {
	err := s.Validate()
	if size < 1 || size > MaxSize {
		err = errors.Join(err, fmt.Errorf("journal: size is %d (want 1 to %d)", size, MaxSize))
	}
	if c == nil {
		err = errors.Join(err, errors.New("journal: the clock is nil"))
	}
	if err != nil {
		return nil, err
	}
	j := &Journal{clock: c, marks: newMarks(), lines: make([]Line, 0, size), followers: map[chan Line]bool{}}
	j.settings.Store(&s)
	j.requests = slog.New(j.Handler(nil))
	return j, nil
}

// Tee lets the lines of requests go on to a further handler as well. It must be
// called before the first request.
func (j *Journal) Tee(next slog.Handler) { j.requests = slog.New(j.Handler(next)) }

// Settings returns what is written now.
func (j *Journal) Settings() Settings { return *j.settings.Load() }

// Set changes what is written, from the next request on.
func (j *Journal) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	j.settings.Store(&s)
	return nil
}

// Wrap returns next with a line for each request, as far as the settings have
// it. ops names the operations.
func (j *Journal) Wrap(instance string, ops []string, next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		s := j.settings.Load()
		if s.Mode == Off {
			return next.Serve(ctx, r)
		}
		began := j.clock.Now()
		res := next.Serve(ctx, r)
		now := j.clock.Now()
		j.answered(ctx, s, instance, ops, r, res, now-began, j.clock.Date(now))
		return res
	})
}

// Away is where and when an instance of another process answered.
type Away struct {
	Instance string
	Trace    string        // empty: the request was not followed
	Ago      time.Duration // since the answer
}

// Answered writes what Wrap would have of a request that an instance of another
// process has answered.
func (j *Journal) Answered(a Away, ops []string, r *lab.Request, res lab.Response, took time.Duration) {
	s := j.settings.Load()
	if s.Mode == Off {
		return
	}
	at := j.clock.Date(j.clock.Now() - a.Ago)
	var more []slog.Attr
	if a.Trace != "" {
		more = append(more, slog.String("trace", a.Trace))
	}
	j.answered(context.Background(), s, a.Instance, ops, r, res, took, at, more...)
}

func (j *Journal) answered(ctx context.Context, s *Settings, instance string, ops []string, r *lab.Request, res lab.Response, took time.Duration, at time.Time, more ...slog.Attr) {
	if !s.wants(r, res) {
		j.skipped.Add(1)
		return
	}
	op := "?"
	if int(r.Op) < len(ops) {
		op = ops[r.Op]
	}
	level := levelOf(res)
	if !j.requests.Enabled(ctx, level) {
		return
	}
	line := slog.NewRecord(at, level, "request", 0)
	line.AddAttrs(slog.String("instance", instance), slog.String("op", op),
		slog.String("outcome", res.Outcome.String()), slog.String("reason", string(res.Reason)),
		slog.Uint64("user", r.User), slog.Duration("took", took), slog.Int("try", int(r.Try)))
	if order, found := strings.CutPrefix(res.Location, orderAddress); found {
		line.AddAttrs(slog.String(trace.KeyOrder, order))
	}
	line.AddAttrs(more...)
	_ = j.requests.Handler().Handle(ctx, line) // the ring's own error is none, and a further handler's is as lost as with a slog.Logger
}

// wants reports whether a request gets a line. What is drawn depends on the
// request's number alone, so that all its lines are drawn or none.
func (s *Settings) wants(r *lab.Request, res lab.Response) bool {
	switch s.Mode {
	case All:
		return true
	case Errors:
		return !res.Outcome.Good()
	case Sampled:
		x := r.ID * 0x9e3779b97f4a7c15
		x = (x ^ x>>31) * 0xbf58476d1ce4e5b9
		return float64((x^x>>29)>>11)/(1<<53) < s.Share
	}
	return false
}

func levelOf(res lab.Response) slog.Level {
	switch {
	case res.Outcome.Good():
		return slog.LevelInfo
	case res.Outcome == lab.Failed:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// add keeps a line and sends it to the followers.
func (j *Journal) add(l Line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.written++
	l.Seq = j.written
	if len(j.lines) < cap(j.lines) {
		j.lines = append(j.lines, l)
	} else {
		j.lines[j.next] = l
		j.pushed++
	}
	j.next = (j.next + 1) % cap(j.lines)
	for f := range j.followers {
		select {
		case f <- l:
		default:
			j.missed++ // a page that reads too slowly loses lines, never the lab
		}
	}
}

// Counts returns what became of the lines.
func (j *Journal) Counts() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	return Counts{Written: j.written, Skipped: j.skipped.Load(), Pushed: j.pushed, Missed: j.missed, Carried: j.carried, Lost: j.lost, Held: len(j.lines), Size: cap(j.lines)}
}

// Query chooses lines. An empty field chooses all.
type Query struct {
	Trace    string
	Instance string
	Outcome  string
	Order    string      // only lines about the order with this number
	Level    *slog.Level // this and above
	Limit    int         // 0: 200
}

// Match reports whether a query chooses a line.
func (q Query) Match(l Line) bool {
	return (q.Trace == "" || strings.EqualFold(q.Trace, l.Trace)) && (q.Instance == "" || q.Instance == l.Instance) &&
		(q.Outcome == "" || q.Outcome == l.Outcome) && (q.Order == "" || slices.Contains(l.Attrs, Attr{trace.KeyOrder, q.Order})) && (q.Level == nil || l.Level >= *q.Level)
}

// List returns the lines that a query chooses, the latest first.
func (j *Journal) List(q Query) []Line {
	if q.Limit <= 0 {
		q.Limit = 200
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []Line
	for i := range j.lines {
		at := (j.next - 1 - i + 2*cap(j.lines)) % cap(j.lines)
		if at >= len(j.lines) {
			continue
		}
		if l := j.lines[at]; q.Match(l) {
			if out = append(out, l); len(out) == q.Limit {
				break
			}
		}
	}
	return out
}

// Watch returns the lines that are written from now on, until ctx ends. A reader
// that is slow misses lines.
func (j *Journal) Watch(ctx context.Context) <-chan Line {
	f := make(chan Line, 256)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followers[f] = true
	context.AfterFunc(ctx, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		delete(j.followers, f)
		close(f)
	})
	return f
}

// traced returns the trace of ctx.
func traced(ctx context.Context) string { return trace.Of(ctx) }
