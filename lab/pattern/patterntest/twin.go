package patterntest

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// Twin sends a trace through both wrappers of p and fails on the first request
// whose answer, instant or number of calls differs, and on any counter that
// does. It returns the results for further checks.
func Twin(t *testing.T, p lab.Pattern, knobs map[string]any, trace []Arrival) []Result {
	t.Helper()
	live, liveCounts := Live(t, p, knobs, lab.On, trace)
	virtual, virtualCounts := Virtual(t, p, knobs, trace)
	differ := 0
	for i := range live {
		a, b := live[i], virtual[i]
		if a.At != b.At || a.Calls != b.Calls || !same(a.Response, b.Response) {
			if differ++; differ <= 5 {
				t.Errorf("request %d (arrives %v, service %v):\n live    %v\n virtual %v", i+1, trace[i].At, trace[i].Service, a, b)
			}
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d requests differ between live and virtual, want 0", differ, len(live))
	}
	if !maps.Equal(liveCounts, virtualCounts) {
		t.Errorf("counters differ: live %v, virtual %v", liveCounts, virtualCounts)
	}
	return virtual
}

// Virtual sends a trace through a pattern's stage.
func Virtual(t *testing.T, p lab.Pattern, knobs map[string]any, trace []Arrival) ([]Result, map[string]uint64) {
	t.Helper()
	k, err := p.Settings(knobs)
	if err != nil {
		t.Fatalf("Settings(%v): %v", knobs, err)
	}
	now := &clock.Manual{}
	counters := lab.NewCounters()
	env := environment(now, counters, func(func(context.Context)) { t.Error("a stage called Env.Go: virtual time has one goroutine") })
	stage, err := p.NewStage(env, k)
	if err != nil {
		t.Fatalf("NewStage: %v", err)
	}
	s := &bench{t: t, stage: stage, trace: trace, clock: now, draws: dist.New(1, "uniform"), results: make([]Result, len(trace))}
	for i := range trace {
		q := trace[i].Request
		q.ID, q.At = uint64(i+1), trace[i].At
		s.visits = append(s.visits, visit{request: q, origin: i})
		s.push(event{at: q.At, kind: arrive, id: int32(i)})
	}
	for s.queue.Len() > 0 {
		s.step(heap.Pop(&s.queue).(event))
	}
	for i := range trace {
		if !s.visits[i].answered {
			t.Errorf("request %d was never answered", i+1)
		}
	}
	return s.results, counters.All()
}

// visit is one request inside the stage under test.
type visit struct {
	request  lab.Request
	origin   int // index into the trace
	note     uint64
	detached bool
	answered bool
	below    bool // forwarded and not yet back
}

// bench is a one-stage simulation: a lab.Sim for tests.
type bench struct {
	t       *testing.T
	stage   lab.Stage
	trace   []Arrival
	clock   *clock.Manual
	draws   *dist.Stream
	visits  []visit
	results []Result
	queue   events
	seq     uint64
}

type kind uint8

const (
	arrive kind = iota
	finish
	wake
)

type event struct {
	at    time.Duration
	seq   uint64
	kind  kind
	id    int32
	token uint64
	res   lab.Response
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (s *bench) push(e event) {
	s.seq++
	e.seq = s.seq
	heap.Push(&s.queue, e)
}

func (s *bench) step(e event) {
	s.clock.At = e.at
	switch e.kind {
	case arrive:
		s.stage.Enter(s, e.id)
	case finish:
		s.visits[e.id].below = false
		s.stage.Leave(s, e.id, e.res)
	case wake:
		s.stage.Wake(s, e.token)
	}
}

func (s *bench) Now() time.Duration            { return s.clock.At }
func (s *bench) Request(id int32) *lab.Request { return &s.visits[id].request }
func (s *bench) Note(id int32) *uint64         { return &s.visits[id].note }
func (s *bench) Uniform() float64              { return s.draws.Float64() }
func (s *bench) Wake(at time.Duration, k uint64) {
	s.push(event{at: max(at, s.clock.At), kind: wake, token: k})
}

func (s *bench) Forward(id int32) {
	v := &s.visits[id]
	if v.below {
		s.t.Errorf("request %d was forwarded twice at once", v.origin+1)
		return
	}
	v.below = true
	result := &s.results[v.origin]
	end, res := s.trace[v.origin].below(s.clock.At, &v.request, result.Calls)
	result.Calls++
	s.push(event{at: end, kind: finish, id: id, res: res})
}

func (s *bench) Reply(id int32, res lab.Response) {
	v := &s.visits[id]
	if v.answered || v.detached {
		s.t.Errorf("request %d was answered twice, or was detached", v.origin+1)
		return
	}
	v.answered = true
	s.results[v.origin].At = s.clock.At
	s.results[v.origin].Response = res
}

func (s *bench) Detach(id int32) int32 {
	s.visits = append(s.visits, visit{request: s.visits[id].request, origin: s.visits[id].origin, detached: true})
	return int32(len(s.visits) - 1)
}

func (s *bench) Drop(id int32) {
	if !s.visits[id].detached || s.visits[id].answered {
		s.t.Errorf("Drop(%d) of a request that was not detached or is gone", id)
	}
	s.visits[id].answered = true
}

// Cancel implements lab.Sim: what is below lets the request go at once.
func (s *bench) Cancel(id int32) {
	v := &s.visits[id]
	if !v.below {
		s.t.Errorf("Cancel(%d) of a request that is not below", id)
		return
	}
	v.below = false
	s.queue = slices.DeleteFunc(s.queue, func(e event) bool { return e.kind == finish && e.id == id })
	heap.Init(&s.queue)
	s.stage.Leave(s, id, lab.Refuse(lab.Shed, lab.ReasonShutdown, 0))
}

var _ lab.Sim = (*bench)(nil)
