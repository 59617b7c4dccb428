package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"workbench/lab/broker"
	"workbench/lab/trial"
)

// prefetchKnobs are the knobs of the prefetch trial.
type prefetchKnobs struct {
	Prefetch int `knob:"prefetch" min:"1" max:"1000" help:"messages that a worker may hold before it has acknowledged the first"`
}

// The backlog that two workers share.
const (
	sharedJobs = 120
	quickJob   = 2 * time.Millisecond
	longJob    = 30 * time.Millisecond // every tenth
	emptyJobs  = 200                   // of the measurement of pace
	publishers = 8
)

// Prefetch has a second worker come to a backlog of which the first holds some.
func Prefetch() trial.Trial {
	return trial.Trial{
		Name: "prefetch", Title: "The worker that hoards", Chapter: 6,
		Question: "120 jobs wait, every tenth is long. One worker is at it and may hold 500 messages; a second comes to help. How many jobs does the second one do?",
		Lesson:   "What a worker holds nobody else can do: prefetch as many as cover the way to the broker and back, and no more than you would have wait behind one long job.",
		Knobs:    func() any { return &prefetchKnobs{Prefetch: 1} },
		Wrong:    map[string]any{"prefetch": 500},
		Right:    map[string]any{"prefetch": 1},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return prefetch(ctx, env, *knobs.(*prefetchKnobs), tell)
		},
	}
}

// prefetch tries those brokers that hand messages of one queue to whoever asks.
// Of Kafka a consumer gets whole partitions, and ZeroMQ gives nothing back.
func prefetch(ctx context.Context, env trial.Env, k prefetchKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{Columns: []trial.Column{
		{Title: "Broker"}, {Title: "Prefetch"}, {Title: "Jobs of the first worker"}, {Title: "Jobs of the second"},
		{Title: "Waited for the one while the other was idle"}, {Title: "All done after", Unit: "s"}, {Title: "Workers busy, on average"}, {Title: "Empty jobs by one worker", Unit: "1/s"},
	}}
	ways := []int{1, 500}
	if !slices.Contains(ways, k.Prefetch) {
		ways = append(ways, k.Prefetch)
	}
	stranded, least, busiest := 0, sharedJobs, 2.
	labels, err := only(ctx, env, longLease, func(b bench) error {
		for _, n := range ways {
			tell(trial.Step{Text: fmt.Sprintf("%s, prefetch %d", b.Title, n)})
			got, err := shareOut(ctx, b, n)
			if err != nil {
				return err
			}
			pace, err := emptyPace(ctx, b, n)
			if err != nil {
				return err
			}
			busy := got.work.Seconds() / got.took.Seconds()
			out.Rows = append(out.Rows, []string{
				b.Title, fmt.Sprint(n), fmt.Sprint(got.jobs[0]), fmt.Sprint(got.jobs[1]), fmt.Sprint(got.stranded),
				fmt.Sprintf("%.2f", got.took.Seconds()), fmt.Sprintf("%.2f", busy), trial.Number(pace, ""),
			})
			if n == k.Prefetch {
				stranded, least, busiest = max(stranded, got.stranded), min(least, got.jobs[1]), min(busiest, busy)
			}
		}
		return nil
	}, "memory", "sqlite", "redis", "rabbitmq")
	out.Component = component(labels)
	out.Claims = []trial.Claim{
		trial.AtMost("Jobs that wait for one worker while the other is idle", float64(stranded), 20, ""),
		trial.AtLeast("Jobs of 120 that the second worker does", float64(least), sharedJobs/4, ""),
		trial.OnThisMachine(trial.AtLeast("Of two workers busy on average", busiest, 1.5, "")),
	}
	return out, err
}

// Hoard has a second worker come to a queue in memory of which the first holds
// all, and returns how many jobs it does and how many wait for the first alone.
func Hoard(ctx context.Context, env trial.Env) (second, stranded int, err error) {
	_, err = only(ctx, env, longLease, func(b bench) error {
		got, err := shareOut(ctx, b, sharedJobs)
		second, stranded = got.jobs[1], got.stranded
		return err
	}, "memory")
	return second, stranded, err
}

// shared is how two workers shared a backlog.
type shared struct {
	jobs     [2]int        // done by each
	stranded int           // that the first began after the second had done its last, but for the one then begun
	took     time.Duration // from when both were there until all was done
	work     time.Duration // the sum of how long each was at it, until its last job was done
}

// pair is two workers at one queue. Its first job waits until both are there.
type pair struct {
	bench
	together chan struct{}

	mu    sync.Mutex
	began []int            // guarded by mu: the workers of jobs in the order in which they began
	last  int              // guarded by mu: how many jobs had begun when the second worker ended its last
	done  map[string]bool  // guarded by mu
	ends  [2]time.Duration // guarded by mu: when each worker ended its last job
	first bool             // guarded by mu: one has been taken
}

// handle returns what a worker does with a job.
func (p *pair) handle(worker int) broker.Handler {
	return func(ctx context.Context, m broker.Message) error {
		p.mu.Lock()
		hold := !p.first
		p.first = true
		p.began = append(p.began, worker)
		p.mu.Unlock()
		if hold {
			select {
			case <-p.together:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		takes := quickJob
		if string(m.Body) == "long" {
			takes = longJob
		}
		if err := p.clock.Wait(ctx, p.clock.Now()+takes); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done[m.ID] = true
		p.ends[worker] = p.clock.Now()
		if worker == 1 {
			p.last = len(p.began)
		}
		return nil
	}
}

func (p *pair) count(worker int) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.began {
		if w == worker {
			n++
		}
	}
	return n
}

func (p *pair) finished() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.done)
}

// shareOut has two workers of this prefetch work off a backlog. The second comes
// when the first holds as much as it may.
func shareOut(ctx context.Context, b bench, prefetch int) (out shared, err error) {
	err = b.publish(ctx, sharedJobs, func(i int) broker.Message {
		m := broker.Message{ID: fmt.Sprintf("shared-%d-%d", prefetch, i), Body: []byte("quick")}
		if i%10 == 0 {
			m.Body = []byte("long")
		}
		return m
	})
	if err != nil {
		return out, err
	}
	p := &pair{bench: b, together: make(chan struct{}), done: map[string]bool{}}
	working, stop := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer func() { stop(); workers.Wait() }()
	come := func(worker int) {
		workers.Go(func() { // its error is that we have ended it
			_ = broker.Keep(working, b.clock, b, broker.Options{Prefetch: prefetch}, p.handle(worker), nil)
		})
	}
	come(0)
	if err := b.depth(ctx, func(d broker.Depth) bool { return d.Unacked >= int64(min(prefetch, sharedJobs)) }); err != nil {
		return out, err
	}
	come(1)
	if err := b.depth(ctx, func(d broker.Depth) bool { return d.Ready == 0 || p.count(1) > 0 }); err != nil {
		return out, err
	}
	from := b.clock.Now()
	close(p.together)
	for p.finished() < sharedJobs {
		if err := b.clock.Wait(ctx, b.clock.Now()+time.Millisecond); err != nil {
			return out, err
		}
	}
	out.took = b.clock.Now() - from
	out.jobs = [2]int{p.count(0), p.count(1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range p.ends {
		out.work += max(0, end-from)
	}
	out.stranded = max(0, len(p.began)-max(p.last, 1))
	return out, nil
}

// emptyPace measures how many jobs in which there is nothing to do one worker
// gets through in a second.
func emptyPace(ctx context.Context, b bench, prefetch int) (float64, error) {
	if err := b.publish(ctx, emptyJobs, func(i int) broker.Message { return broker.Message{ID: fmt.Sprintf("empty-%d-%d", prefetch, i)} }); err != nil {
		return 0, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	n, first := 0, time.Duration(0)
	var took time.Duration
	err := broker.Keep(working, b.clock, b, broker.Options{Prefetch: prefetch}, func(context.Context, broker.Message) error {
		if n++; n == 1 { // one worker: nobody else is here
			first = b.clock.Now()
		}
		if n == emptyJobs {
			took = b.clock.Now() - first
			stop()
		}
		return nil
	}, nil)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if took == 0 {
		return 0, fmt.Errorf("a worker got %d of %d jobs: %w", n, emptyJobs, err)
	}
	return (emptyJobs - 1) / took.Seconds(), nil
}

// publish hands over n messages, several at a time: their order is nothing.
func (b bench) publish(ctx context.Context, n int, message func(int) broker.Message) error {
	faults := make([]error, publishers)
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := p; i < n && faults[p] == nil; i += publishers {
				faults[p] = b.Publish(ctx, message(i))
			}
		})
	}
	all.Wait()
	for _, err := range faults {
		if err != nil {
			return err
		}
	}
	return nil
}

// depth waits until the broker holds what it should.
func (b bench) depth(ctx context.Context, fact func(broker.Depth) bool) error {
	for {
		d, err := b.Depth(ctx)
		if err != nil {
			return err
		}
		if fact(d) {
			return nil
		}
		if err := b.clock.Wait(ctx, b.clock.Now()+2*time.Millisecond); err != nil {
			return err
		}
	}
}
