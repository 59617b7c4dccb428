package classics

import (
	"context"
	"time"

	"workbench/lab/fleet"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/stat"
)

// market is a balancer's picker before many servers, each with one slot and a
// line of its own; service is exponential with a mean of one second.
type market struct {
	picker    string
	servers   int
	load      float64
	customers int
}

// run measures the mean time in the system in mean service times.
func (m market) run(ctx context.Context, seed uint64) (Result, error) {
	picker, err := fleet.NewPicker(m.picker, dist.New(seed, "picks"))
	if err != nil {
		return Result{}, err
	}
	gaps, service := dist.New(seed, "arrivals"), dist.New(seed, "service")
	rate := m.load * float64(m.servers)
	inside := make([]int, m.servers)
	lines := make([][]time.Duration, m.servers) // when those inside arrived, in order
	stays := make([]float64, 0, m.customers)
	var queue engine.Queue
	begin := func(now time.Duration, server int32) {
		queue.Schedule(now+time.Duration(service.Exp()*float64(time.Second)), evFinish, server, 0)
	}
	queue.Schedule(0, evArrive, 0, 0)
	for len(stays) < m.customers {
		if queue.Count()%look == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		e, _ := queue.Take()
		if e.Kind == evArrive {
			queue.Schedule(e.At+time.Duration(gaps.Exp()*float64(time.Second)/rate), evArrive, 0, 0)
			i := picker.Pick(inside)
			inside[i]++
			lines[i] = append(lines[i], e.At)
			if inside[i] == 1 {
				begin(e.At, int32(i))
			}
			continue
		}
		stays = append(stays, (e.At - lines[e.Arg][0]).Seconds())
		inside[e.Arg]--
		// Moved down and not cut off: the line is short, and its memory is kept.
		lines[e.Arg] = append(lines[e.Arg][:0], lines[e.Arg][1:]...)
		if inside[e.Arg] > 0 {
			begin(e.At, e.Arg)
		}
	}
	stays = stays[len(stays)/5:]
	return measured(stat.Batches(stays, batches), len(stays)), nil
}

func choices() []Classic {
	const source = "M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, IEEE TPDS 12(10), 2001: the supermarket model"
	two := func(load float64, customers int) func(context.Context, uint64) (Result, error) {
		return market{fleet.TwoChoices, 1000, load, customers}.run
	}
	// From 0.8 on the tolerance is 1 %: a thousand servers have one stream of
	// arrivals, and the chance in its rate moves them all alike.
	return []Classic{
		{
			ID: "two-choices-50", Title: "Two choices at a load of 50 %", Theory: 1.2657, Tolerance: .0065, Source: source,
			Figure: "the shorter of two random lines: 1.27 service times in the system; a random line: 2", Run: two(.5, 3*million),
		}, {
			ID: "two-choices-80", Title: "Two choices at a load of 80 %", Theory: 1.9474, Tolerance: .0195, Source: source,
			Figure: "the shorter of two random lines: 1.95 service times in the system; a random line: 5", Run: two(.8, 2*million),
		}, {
			ID: "two-choices-90", Title: "Two choices at a load of 90 %", Theory: 2.6141, Tolerance: .026, Source: source,
			Figure: "the shorter of two random lines: 2.61 service times in the system; a random line: 10", Run: two(.9, 9*million),
		},
	}
}
