// Package series shows what a label with many values does to metrics.
//
// Each value of a label is a series of its own, which the program keeps in
// memory for as long as it lives and sends with every scrape. A label that names
// users therefore grows with the number of users and not with the traffic. The
// guard gives the first values a series each and puts the rest under "other".
//
// The metric is a real one in a registry of its own, so that it never harms the
// lab's, and bounded: past MaxSeries further users are counted and have none.
package series

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"workbench/lab"
	"workbench/sim/clock"
)

// MaxSeries bounds the metric without a guard.
const MaxSeries = 200_000

// Name is the metric's name.
const Name = "workbench_demo_requests_by_user_total"

// Settings say what is counted.
type Settings struct {
	On    bool `json:"on"`    // whether requests are counted by user at all
	Guard bool `json:"guard"` // whether the number of series is limited
	Limit int  `json:"limit"` // the guard's: users with a series of their own
}

// Defaults returns a bomb that is not lit.
func Defaults() Settings { return Settings{Limit: 100} }

// Validate reports what is wrong with s.
func (s Settings) Validate() error {
	if s.Limit < 1 || s.Limit > MaxSeries {
		return fmt.Errorf("series: limit is %d (want 1 to %d)", s.Limit, MaxSeries)
	}
	return nil
}

// Point is what a scrape of the metric cost at an instant.
type Point struct {
	At     time.Duration `json:"at"`
	Series int           `json:"series"`
	Bytes  int           `json:"bytes"` // of the scrape, as text
	Took   time.Duration `json:"took"`  // to make it
	Heap   uint64        `json:"heap"`  // bytes of live and unswept objects in the whole process
	Other  uint64        `json:"other"` // requests that the guard counted under other, or that found no room
}

// pointsKept is how many points the curve has.
const pointsKept = 600

// Series is the metric with its guard. It is safe for concurrent use. Use New.
type Series struct {
	clock clock.Clock
	on    atomic.Bool

	mu       sync.Mutex
	settings Settings                      // guarded by mu
	registry *prometheus.Registry          // guarded by mu
	vec      *prometheus.CounterVec        // guarded by mu
	users    map[uint64]prometheus.Counter // guarded by mu
	other    prometheus.Counter            // guarded by mu; nil until needed
	others   uint64                        // guarded by mu
	points   []Point                       // guarded by mu
}

// New returns an empty metric.
func New(c clock.Clock, s Settings) (*Series, error) {
	err := s.Validate()
	if c == nil {
		err = errors.Join(err, errors.New("series: the clock is nil"))
	}
	if err != nil {
		return nil, err
	}
	b := &Series{clock: c}
	return b, b.Set(s)
}

// Set changes what is counted. The metric begins afresh, as after a restart: no
// program can take a series back.
func (b *Series) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.registry = prometheus.NewRegistry()
	b.vec = prometheus.NewCounterVec(prometheus.CounterOpts{Name: Name, Help: "Requests by user: a label that nobody should have."}, []string{"user_id"})
	if err := b.registry.Register(b.vec); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	b.settings, b.users, b.other, b.others = s, map[uint64]prometheus.Counter{}, nil, 0
	b.on.Store(s.On)
	return nil
}

// Settings returns what is counted.
func (b *Series) Settings() Settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.settings
}

// Count counts a request of a user.
func (b *Series) Count(user uint64) {
	if !b.on.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.users[user]; c != nil {
		c.Inc()
		return
	}
	most := MaxSeries
	if b.settings.Guard {
		most = b.settings.Limit
	}
	if len(b.users) < most {
		c := b.vec.WithLabelValues(strconv.FormatUint(user, 10))
		b.users[user] = c
		c.Inc()
		return
	}
	b.others++
	if b.settings.Guard {
		if b.other == nil {
			b.other = b.vec.WithLabelValues("other")
		}
		b.other.Inc()
	}
}

// Wrap returns next with each request counted under its user.
func (b *Series) Wrap(next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		b.Count(r.User)
		return next.Serve(ctx, r)
	})
}

// Look scrapes the metric, as Prometheus would, and keeps what that cost. It
// does nothing while nothing is counted.
func (b *Series) Look() (Point, error) {
	if !b.on.Load() {
		return Point{}, nil
	}
	b.mu.Lock()
	registry, others := b.registry, b.others
	b.mu.Unlock()
	p := Point{At: b.clock.Now(), Other: others}
	families, err := registry.Gather()
	if err != nil {
		return p, fmt.Errorf("series: %w", err)
	}
	var size counter
	for _, f := range families {
		p.Series += len(f.GetMetric())
		if _, err := expfmt.MetricFamilyToText(&size, f); err != nil {
			return p, fmt.Errorf("series: %w", err)
		}
	}
	p.Bytes, p.Took, p.Heap = int(size), b.clock.Now()-p.At, Heap()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.points = append(b.points, p)
	if len(b.points) > pointsKept {
		b.points = slices.Clone(b.points[len(b.points)-pointsKept:])
	}
	return p, nil
}

// Points returns the curve, the oldest first.
func (b *Series) Points() []Point {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.points)
}

// Heap returns the bytes of objects on the process's heap.
func Heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a Go version that does not tell
	}
	return s[0].Value.Uint64()
}

// counter is a writer that only counts.
type counter int

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = (*counter)(nil)
