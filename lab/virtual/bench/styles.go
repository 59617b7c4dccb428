package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/theory"
)

// The queue that every style simulates: eight servers at 80 %, with a mean
// service time of one second. A customer is two events.
const (
	servers = 8
	rate    = 6.4
)

// trial is one run of a style.
type trial struct {
	events float64 // a second of one core
	wait   float64 // mean, in service times: a style must be right to count
	allocs float64 // a customer
}

//go:embed mm8.py
var simpyScript string

// styles compares ways to write the same simulation. Rounds are interleaved and
// ratios are of the same round.
func (b *bench) styles(ctx context.Context) error {
	exact, err := theory.NewMMC(rate, servers, time.Second)
	if err != nil {
		return fmt.Errorf("the exact wait: %w", err)
	}
	want := exact.MeanWait().Seconds()
	var values, processes, simpy []float64
	for range b.rounds {
		v, p := byValues(b.customers), byGoroutines(b.customers/10)
		for name, t := range map[string]trial{"value events": v, "goroutines": p} {
			if err := near(name, t.wait, want); err != nil {
				return err
			}
		}
		b.allocs = max(b.allocs, v.allocs)
		values = append(values, v.events/1e6)
		processes = append(processes, v.events/p.events)
		s, err := bySimPy(ctx, b.customers/50)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return err
		}
		if err := near("SimPy", s.wait, want); err != nil {
			return err
		}
		simpy = append(simpy, v.events/s.events)
	}
	b.least("M/M/8, value events", median(values), 15, "M/s", "events a second of one core")
	b.least("ratio to a goroutine for each customer", median(processes), 5, "×", "")
	if len(simpy) == 0 {
		b.note("ratio to SimPy", math.NaN(), "", "skipped: /usr/bin/python3 has no SimPy (package python3-simpy)")
	} else {
		b.least("ratio to SimPy", median(simpy), 50, "×", "")
	}
	b.most("allocations an event", b.allocs/2, 0.001, "", "of a whole run, the growth of the heap included")
	return nil
}

// near returns an error when a style does not simulate the queue that it should.
func near(style string, got, want float64) error {
	if math.Abs(got-want) > 0.15*want {
		return fmt.Errorf("%s: a mean wait of %.4f, want %.4f ± 15 %%: it simulates something else", style, got, want)
	}
	return nil
}

// byValues is how the workbench does it: events are values in one queue.
func byValues(customers int) trial {
	const (
		arrive uint8 = iota
		finish
	)
	var (
		q              engine.Queue
		gaps, services = dist.New(1, "gaps"), dist.New(1, "services")
		line           = make([]time.Duration, 1<<12) // a ring of who waits, by arrival
		head, tail     int
		busy           int
		wait           time.Duration
	)
	span := func(x float64) time.Duration { return time.Duration(x * 1e9) }
	before, began := mallocs(), clock.NewWall()
	q.Schedule(0, arrive, 0, 0)
	for came := 0; ; {
		e, ok := q.Take()
		if !ok {
			break
		}
		switch e.Kind {
		case arrive:
			if came++; came < customers {
				q.Schedule(e.At+span(gaps.Exp()/rate), arrive, 0, 0)
			}
			if busy < servers {
				busy++
				q.Schedule(e.At+span(services.Exp()), finish, 0, 0)
				continue
			}
			line[tail%len(line)] = e.At
			tail++
		case finish:
			if head == tail {
				busy--
				continue
			}
			wait += e.At - line[head%len(line)]
			head++
			q.Schedule(e.At+span(services.Exp()), finish, 0, 0)
		}
	}
	took := began.Now().Seconds()
	return trial{events: float64(q.Count()) / took, wait: wait.Seconds() / float64(customers), allocs: float64(mallocs()-before) / float64(customers)}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// byGoroutines is the same with a goroutine for each customer, which hands
// control back to the scheduler whenever it has to wait.
func byGoroutines(customers int) trial {
	var (
		q              engine.Queue
		gaps, services = dist.New(1, "gaps"), dist.New(1, "services")
		wakes          = map[uint64]chan struct{}{}
		control        = make(chan struct{})
		line           []uint64
		busy           int
		wait           time.Duration
		ids            uint64
	)
	span := func(x float64) time.Duration { return time.Duration(x * 1e9) }
	// pause gives control to the scheduler until id is woken. Whoever runs owns
	// everything above.
	pause := func(id uint64) {
		wake := wakes[id] // before control is given away
		control <- struct{}{}
		<-wake
	}
	hold := func(id uint64, d time.Duration) {
		q.Schedule(q.Now()+d, 0, 0, id)
		pause(id)
	}
	start := func(body func(id uint64)) {
		ids++
		id, wake := ids, make(chan struct{})
		wakes[id] = wake
		q.Schedule(q.Now(), 0, 0, id)
		go func() {
			<-wake
			body(id)
			delete(wakes, id)
			control <- struct{}{}
		}()
	}
	customer := func(id uint64) {
		came := q.Now()
		if busy == servers {
			line = append(line, id)
			pause(id)
			wait += q.Now() - came
		} else {
			busy++
		}
		hold(id, span(services.Exp()))
		if len(line) == 0 {
			busy--
			return
		}
		q.Schedule(q.Now(), 0, 0, line[0])
		line = line[1:]
	}
	began := clock.NewWall()
	start(func(id uint64) {
		for range customers {
			hold(id, span(gaps.Exp()/rate))
			start(customer)
		}
	})
	for {
		e, ok := q.Take()
		if !ok {
			break
		}
		wakes[e.Token] <- struct{}{}
		<-control
	}
	// Two events a customer, as in the other styles: what it does beyond them is
	// its own affair.
	return trial{events: 2 * float64(customers) / began.Now().Seconds(), wait: wait.Seconds() / float64(customers)}
}

// errAbsent means that a tool to compare with is not on this machine.
var errAbsent = errors.New("not on this machine")

func bySimPy(ctx context.Context, customers int) (trial, error) {
	const python = "/usr/bin/python3" // Debian's own, where its packages go
	if err := exec.CommandContext(ctx, python, "-c", "import SimPy.Simulation").Run(); err != nil {
		return trial{}, errAbsent
	}
	out, err := exec.CommandContext(ctx, python, "-c", simpyScript, strconv.Itoa(customers)).Output()
	if err != nil {
		return trial{}, fmt.Errorf("run SimPy: %w", err)
	}
	var wait, took float64
	if _, err := fmt.Sscan(string(out), &wait, &took); err != nil {
		return trial{}, fmt.Errorf("read what SimPy printed (%q): %w", out, err)
	}
	return trial{events: 2 * float64(customers) / took, wait: wait}, nil
}
