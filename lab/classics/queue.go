package classics

import (
	"context"
	"fmt"
	"slices"
	"time"

	"workbench/lab/gate"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/stat"
)

// line is a queue in front of a gate, the lab's own model of a dependency, with
// Poisson arrivals and a mean service time of one second.
type line struct {
	slots     int
	load      float64 // utilisation of each slot
	law       string
	scv       float64
	places    int // most who wait; 0: as good as endless
	customers int
}

// The kinds of event.
const (
	evArrive uint8 = iota
	evFinish
)

// passage is what a line's customers met, in the order of arrival, without the
// first tenth, which finds the queue emptier than it will be.
type passage struct {
	waits   []float64 // seconds from arrival to the start of service, of those let in
	refused []float64 // 1 for each customer turned away, 0 for each let in
	length  float64   // customers who waited, averaged over time
	rate    float64   // customers let in a second
}

func (l line) run(ctx context.Context, seed uint64) (passage, error) {
	backlog := l.places
	if backlog == 0 {
		backlog = gate.MaxBacklog
	}
	m, err := gate.NewModel(gate.Spec{
		Slots: l.slots, Service: time.Second, Law: l.law, SCV: l.scv, Backlog: backlog,
	}, dist.New(seed, "service"))
	if err != nil {
		return passage{}, fmt.Errorf("make the gate: %w", err)
	}
	w := walk{
		line: l, model: m, gaps: dist.New(seed, "arrivals"), arrived: make([]time.Duration, 0, l.customers),
		seen: passage{waits: make([]float64, 0, l.customers), refused: make([]float64, 0, l.customers)},
	}
	w.queue.Schedule(0, evArrive, 0, 0)
	for len(w.arrived) < l.customers {
		if w.queue.Count()%look == 0 && ctx.Err() != nil {
			return passage{}, ctx.Err()
		}
		w.step()
	}
	return w.rest(), nil
}

// walk is a line being run.
type walk struct {
	line    line
	queue   engine.Queue
	model   *gate.Model
	gaps    *dist.Stream
	arrived []time.Duration // by customer
	next    time.Duration   // for when the gate's event is scheduled
	events  []gate.Event
	seen    passage
	waiting int           // customers let in and not yet started
	area    float64       // waiting × time since the warm-up, in seconds
	changed time.Duration // up to when it is added up
	begin   time.Duration // of the observation
}

func (w *walk) step() {
	e, _ := w.queue.Take() // never empty: each arrival schedules the next
	if len(w.arrived) > w.line.customers/10 {
		if w.begin == 0 {
			w.begin, w.changed = e.At, e.At
		}
		w.area += float64(w.waiting) * (e.At - w.changed).Seconds()
		w.changed = e.At
	}
	if e.Kind == evArrive {
		id := uint64(len(w.arrived))
		w.arrived = append(w.arrived, e.At)
		w.seen.refused = append(w.seen.refused, 0)
		w.waiting++
		_, w.events = w.model.Enter(e.At, id, 0, w.events[:0])
		w.queue.Schedule(e.At+time.Duration(w.gaps.Exp()*float64(time.Second)/(w.line.load*float64(w.line.slots))), evArrive, 0, 0)
	} else {
		w.events = w.model.Advance(e.At, w.events[:0])
	}
	for _, v := range w.events {
		switch v.Kind {
		case gate.Started:
			w.waiting--
			w.seen.waits = append(w.seen.waits, (v.At - w.arrived[v.ID]).Seconds())
		case gate.Full:
			w.waiting--
			w.seen.refused[v.ID] = 1
		}
	}
	if at, ok := w.model.Next(); ok && at != w.next {
		w.next = at
		w.queue.Schedule(at, evFinish, 0, 0)
	}
}

func (w *walk) rest() passage {
	p := w.seen
	span := (w.changed - w.begin).Seconds()
	entered := 0.0
	for _, r := range p.refused[len(p.refused)/10:] {
		entered += 1 - r
	}
	p.length, p.rate = w.area/span, entered/span
	p.waits, p.refused = p.waits[len(p.waits)/10:], p.refused[len(p.refused)/10:]
	return p
}

// wait measures the mean wait in mean service times.
func (l line) wait(ctx context.Context, seed uint64) (Result, error) {
	p, err := l.run(ctx, seed)
	return measured(stat.Batches(p.waits, batches), len(p.waits)), err
}

// blocking measures the share of customers turned away.
func (l line) blocking(ctx context.Context, seed uint64) (Result, error) {
	p, err := l.run(ctx, seed)
	return measured(stat.Batches(p.refused, batches), len(p.refused)), err
}

// p99 measures the 99th percentile of the wait in mean service times, from
// batches each of which is long enough to have one.
func (l line) p99(ctx context.Context, seed uint64) (Result, error) {
	p, err := l.run(ctx, seed)
	if err != nil {
		return Result{}, err
	}
	var values []float64
	for batch := range slices.Chunk(p.waits[len(p.waits)%batches:], len(p.waits)/batches) {
		slices.Sort(batch)
		values = append(values, batch[len(batch)*99/100])
	}
	return measured(stat.NewInterval(values), len(p.waits)), nil
}

// little measures the number who wait over what rate and mean wait make of it.
// All three are counted apart, over the same time.
func (l line) little(ctx context.Context, seed uint64) (Result, error) {
	return repeat(ctx, seed, 10, func(seed uint64) (float64, error) {
		p, err := l.run(ctx, seed)
		if err != nil {
			return 0, err
		}
		var mean stat.Moments
		for _, w := range p.waits {
			mean.Add(w)
		}
		return p.length / (p.rate * mean.Mean()), nil
	})
}

const (
	erlang1917 = "A. K. Erlang, 1917; L. Kleinrock, Queueing Systems, volume 1, 1975, chapter 3"
	million    = 1_000_000
)

func queues() []Classic {
	exponential := func(slots int, load float64, customers int) line {
		return line{slots: slots, load: load, law: dist.Exponential, customers: customers}
	}
	return []Classic{
		{
			ID: "little", Title: "Little's law", Theory: 1, Tolerance: .005,
			Source: "J. Little, A proof for the queuing formula L = λW, Operations Research 9(3), 1961",
			Figure: "the number who wait is their rate times their mean wait: ratio 1",
			Run:    exponential(4, .8, million/20).little,
		}, {
			ID: "mm1-wait-80", Title: "One server at 80 %", Theory: 4, Tolerance: .08, Source: erlang1917,
			Figure: "M/M/1 at a utilisation of 0.8: a mean wait of 4 service times", Run: exponential(1, .8, 6*million).wait,
		}, {
			ID: "mm1-wait-90", Title: "One server at 90 %: ten per cent more, twice the wait", Theory: 9, Tolerance: .27, Source: erlang1917,
			Figure: "M/M/1 at a utilisation of 0.9: a mean wait of 9 service times", Run: exponential(1, .9, 6*million).wait,
		}, {
			ID: "mm1-p99-80", Title: "The 99th percentile is five times the mean", Theory: 21.910, Tolerance: .9, Source: erlang1917,
			Figure: "M/M/1 at 0.8: p99 of the wait is ln(80)/0.2 = 21.9 service times", Run: exponential(1, .8, 3*million).p99,
		}, {
			ID: "mmc-wait-2", Title: "Two servers, one line", Theory: 1.7778, Tolerance: .036, Source: erlang1917,
			Figure: "M/M/2 at 0.8: a mean wait of 1.78 service times", Run: exponential(2, .8, 7*million).wait,
		}, {
			ID: "mmc-wait-8", Title: "Eight servers, one line", Theory: .2860, Tolerance: .0086, Source: erlang1917,
			Figure: "M/M/8 at 0.8: a mean wait of 0.286 service times, 14 times less than with one", Run: exponential(8, .8, 6*million).wait,
		}, {
			ID: "md1-wait-80", Title: "Equal service times halve the wait", Theory: 2, Tolerance: .04,
			Source: "F. Pollaczek 1930, A. Khinchine 1932; Kleinrock, volume 1, section 5.6",
			Figure: "M/D/1 at 0.8: a mean wait of 2 service times, half of M/M/1's 4",
			Run:    line{slots: 1, load: .8, law: dist.Constant, customers: 3 * million / 2}.wait,
		}, {
			ID: "mg1-wait-scv4", Title: "Mixed service times lengthen it", Theory: 10, Tolerance: .4,
			Source: "F. Pollaczek 1930, A. Khinchine 1932; Kleinrock, volume 1, section 5.6",
			Figure: "M/G/1 at 0.8 with a hyperexponential law of SCV 4: a mean wait of 10 service times",
			Run:    line{slots: 1, load: .8, law: dist.Hyperexponential, scv: 4, customers: 3 * million}.wait,
		}, {
			ID: "mm1k-blocking", Title: "A short queue turns few away", Theory: .0508, Tolerance: .0013,
			Source: "L. Kleinrock, Queueing Systems, volume 1, 1975, section 3.6",
			Figure: "M/M/1/10 at 0.9: 5.08 % of arrivals are turned away",
			Run:    line{slots: 1, load: .9, law: dist.Exponential, places: 9, customers: 4 * million}.blocking,
		},
	}
}
