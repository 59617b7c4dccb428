package plug_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/exercises"
	"workbench/exercises/grade"
	"workbench/exercises/plug"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/sim/clock"
)

const self = "sandbox-init"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case self:
			fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
			os.Exit(1)
		case lonely:
			runForEver(os.Args[2])
		}
	}
	os.Exit(m.Run())
}

// workshop builds programs and runs them.
type workshop struct {
	t     *testing.T
	box   *sandbox.Box
	g     *grade.Grader
	all   *shelf.Shelf
	guard plug.Guard
}

func open(t *testing.T) workshop {
	t.Helper()
	box := sandbox.New(t.Context(), self)
	err := box.Report().Require(sandbox.Full)
	var g *grade.Grader
	if err == nil {
		g, err = grade.New(t.Context(), box)
	}
	if err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "sandbox") {
			t.Fatal(err)
		}
		t.Skipf("SOLUTIONS ARE NOT RUN HERE: %v", err)
	}
	all, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Fatal(err)
	}
	return workshop{t, box, g, all, quick()}
}

func (w workshop) exercise(slug string) shelf.Exercise {
	w.t.Helper()
	e, err := w.all.Find(slug)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// build compiles an answer; main stands in for the exercise's own adapter.
func (w workshop) build(slug string, answer map[string]string, main string) *plug.Program {
	w.t.Helper()
	e := w.exercise(slug)
	to := filepath.Join(w.t.TempDir(), "program")
	var err error
	if main == "" {
		err = plug.Build(w.t.Context(), w.g, e, answer, to)
	} else {
		err = w.g.Program(w.t.Context(), e, answer, map[string]string{"plug/main.go": main}, to)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return plug.NewProgram(slug, to, w.box, w.guard)
}

// quick is a guard that gives up soon and starts again soon.
func quick() plug.Guard {
	g := plug.Usual(100 * time.Millisecond) // other tests have the processors too
	g.Hang, g.Slow, g.Pause, g.Restarts = 200*time.Millisecond, 1, 10*time.Millisecond, 2
	return g
}

func env() lab.Env {
	return lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters(), Log: slog.New(slog.DiscardHandler), Uniform: func() float64 { return .5 }, Instance: "a", Go: func(f func(context.Context)) { go f(context.Background()) }}
}

// at wraps a pattern around a handler, with a solution in its place.
func at(t *testing.T, pattern string, knobs map[string]any, s lab.Solution, e lab.Env, next lab.Handler) (lab.Handler, lab.Live) {
	t.Helper()
	p, ok := catalog.Find(pattern)
	if !ok {
		t.Fatalf("no pattern %s", pattern)
	}
	k, err := p.Settings(knobs)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Yours(e, k, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return l.Wrap(next, lab.Yours), l
}

func answers(t *testing.T, e shelf.Exercise, dir string) map[string]string {
	t.Helper()
	files, err := e.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range e.Names {
		out[name] = files[name]
	}
	return out
}

var served = lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })

// Every exercise that has a place in the lab decides there as its contract says.
func TestEverySlotDecides(t *testing.T) {
	w := open(t)
	hold, letGo := make(chan struct{}), make(chan struct{}, 16)
	busy := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
		letGo <- struct{}{}
		<-hold
		return lab.Response{}
	})
	failing := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Answer(nil, lab.ErrFail) })
	for _, c := range []struct {
		slug, pattern string
		knobs         map[string]any
		next          lab.Handler
		pass          int // of so many requests in a row, the rest is refused
		refusal       lab.Outcome
	}{
		{"token-bucket", "ratelimit", map[string]any{"rate": .1, "burst": 3}, served, 3, lab.Limited},
		{"keyed-limiter", "ratelimit", map[string]any{"rate": .1, "burst": 3, "per": "user"}, served, 3, lab.Limited},
		{"fail-fast-gate", "concurrency", map[string]any{"limit": 3, "wait": "0s"}, busy, 3, lab.Shed},
		{"bulkhead", "bulkhead", map[string]any{"limit": 3}, busy, 3, lab.Shed},
		{"breaker", "breaker", map[string]any{"min_calls": 3, "failure_share": 1.0}, failing, 3, lab.Open},
	} {
		t.Run(c.slug, func(t *testing.T) {
			e := w.exercise(c.slug)
			if e.Plug == nil || e.Plug.Pattern != c.pattern {
				t.Fatalf("plug is %+v, want pattern %s", e.Plug, c.pattern)
			}
			environment := env()
			h, l := at(t, c.pattern, c.knobs, w.build(c.slug, answers(t, e, e.Right[0]), ""), environment, c.next)
			var inside sync.WaitGroup
			for i := range 6 {
				got := make(chan lab.Response, 1)
				inside.Go(func() { got <- h.Serve(context.Background(), &lab.Request{ID: uint64(i), User: 7}) })
				if i < c.pass && c.refusal == lab.Shed {
					<-letGo
					continue
				}
				if res := <-got; (res.Outcome == c.refusal) != (i >= c.pass) {
					t.Errorf("request %d is %v, want refused as %v: %v", i+1, res.Outcome, c.refusal, i >= c.pass)
				}
			}
			n := environment.Counters.All()
			if n[lab.EventDecisions] != 6 || n[lab.EventFallbacks] != 0 || n[lab.EventBatches] < 5 || n[lab.EventTrips] != 0 {
				// The last frame may be counted after its answer has come.
				t.Errorf("counters %v, want 6 decisions in a frame each, no fallback and no trip", n)
			}
			if n[lab.EventAgreed] != 6 {
				t.Errorf("%d decisions were as ours, want 6: %v", n[lab.EventAgreed], n)
			}
			gauges := map[string]lab.Gauge{}
			for _, g := range l.Gauges(environment.Clock.Now()) {
				gauges[g.Name] = g
			}
			if g := gauges[lab.GaugeGuard]; g.Value != 0 || g.Text != "closed" || gauges["yours_p99_seconds"].Value <= 0 || gauges["yours_pending"].Value != 0 {
				t.Errorf("gauges %v, want a closed guard, a p99 above 0 and nothing pending", gauges)
			}
			if c.refusal == lab.Shed {
				for range 3 {
					hold <- struct{}{}
				}
				inside.Wait()
				go func() { <-letGo; hold <- struct{}{} }()
				if res := h.Serve(context.Background(), &lab.Request{}); res.Outcome != lab.OK {
					t.Errorf("after the places are free again: %v for %s, want ok", res.Outcome, res.Reason)
				}
			}
		})
	}
}

// bucket is an answer to the first exercise whose Allow is body.
func bucket(body string) map[string]string {
	return map[string]string{"token_bucket.go": `package tokenbucket

import (
	"sync"
	"time"
)

type Bucket struct {
	mu   sync.Mutex
	n    int
	hold [][]byte
}

func New(perSecond float64, burst int) (*Bucket, error) { return &Bucket{}, nil }

func (b *Bucket) Allow(now time.Duration) (bool, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	` + body + `
	return true, 0
}
`}
}

// A program that ends, hangs, dawdles, eats memory or talks nonsense opens the
// guard, with the reason in words; ours decides meanwhile, and after the last
// restart for good. Nobody goes without an answer.
func TestWhatTripsTheGuard(t *testing.T) {
	w := open(t)
	const garbage = `package main

import (
	"os"
	_ "grade/answer"
)

func main() {
	wire := os.NewFile(3, "wire")
	wire.WriteString("workbench plug 1\n")
	var b [64]byte
	wire.Read(b[:])
	wire.WriteString("\xff\xff\xff\xff and so on")
	select {}
}
`
	for _, c := range []struct{ name, body, main, why string }{
		{"a panic", `if b.n > 2 { panic("two is enough") }`, "", "panic: two is enough"},
		{"a loop without end", `for b.n > 2 { b.n++ }`, "", "it hangs: no answer for "},
		{"a deadlock", `if b.n > 2 { b.mu.Lock() }`, "", "deadlock"},
		{"dawdling", `if b.n > 2 { time.Sleep(30 * time.Millisecond) }`, "", "it is too slow: "},
		{"a memory bomb", `for b.n > 2 { b.hold = append(b.hold, make([]byte, 1<<20)); b.hold[len(b.hold)-1][4096] = 1 }`, "", "memory"},
		{"a flood of words", `for b.n > 2 { println("all work and no play") }`, "", "it printed more than "},
		{"a wait that cannot be", `if b.n > 2 { return false, -1 }`, "", "it talks nonsense: "},
		{"garbage", ``, garbage, "it talks nonsense: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, e := w, env()
			if c.name == "dawdling" { // and each answer comes
				w.guard.Deadline, w.guard.Hang = 20*time.Millisecond, time.Minute
			}
			h, l := at(t, "ratelimit", map[string]any{"rate": 1e6, "burst": 1000000}, w.build("token-bucket", bucket(c.body), c.main), e, served)
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			asked, seen := 0, ""
			for !strings.Contains(seen, "for good") && ctx.Err() == nil {
				var crowd sync.WaitGroup
				for range 8 {
					crowd.Go(func() {
						if res := h.Serve(t.Context(), &lab.Request{}); res.Outcome != lab.OK {
							t.Errorf("a request is %v for %s, want ok: ours admits it", res.Outcome, res.Reason)
						}
					})
				}
				crowd.Wait()
				asked += 8
				for _, g := range l.Gauges(e.Clock.Now()) {
					if g.Name == lab.GaugeGuard && g.Value == 1 {
						seen = g.Text
					}
				}
			}
			n := e.Counters.All()
			t.Log(seen, n)
			if !strings.Contains(seen, "guard open for good after 2 restarts: ") || !strings.Contains(seen, c.why) {
				t.Errorf("the guard says %q, want that it is open for good after 2 restarts, for %q", seen, c.why)
			}
			if n[lab.EventTrips] != 3 || n[lab.EventRestarts] != 2 || n[lab.EventFallbacks] == 0 {
				t.Errorf("counters %v, want 3 trips, 2 restarts and some fallbacks", n)
			}
			if got := n[lab.EventDecisions] + n[lab.EventFallbacks]; got != uint64(asked) {
				t.Errorf("%d decisions and fallbacks for %d requests", got, asked)
			}
		})
	}
}

func TestSettingsThatTheAnswerRefuses(t *testing.T) {
	w := open(t)
	e := w.exercise("token-bucket")
	s := w.build("token-bucket", answers(t, e, e.Right[0]), "")
	_, err := s.Open(env(), lab.Terms{Rate: -1, Burst: 1})
	if err == nil || !strings.Contains(err.Error(), "it refuses these settings: ") {
		t.Errorf("Open(rate -1) = %v, want that the answer refuses it", err)
	}
}

func TestWhatIsNotCompiled(t *testing.T) {
	w := open(t)
	for _, c := range []struct {
		name, slug, text string
		want             error
	}{
		{"what the gate refuses", "token-bucket", "package tokenbucket\nimport _ \"os\"\n", grade.ErrUnfit},
		{"what lacks the API", "token-bucket", "package tokenbucket\n", grade.ErrUnfit},
		{"an exercise without a place", "hedge", "", plug.ErrNoSlot},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := w.exercise(c.slug)
			err := plug.Build(t.Context(), w.g, e, map[string]string{e.Names[0]: c.text}, filepath.Join(t.TempDir(), "program"))
			if !errors.Is(err, c.want) {
				t.Errorf("Build = %v, want %v", err, c.want)
			}
		})
	}
}
