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

// scheduler runs goroutines one at a time, each until it has to wait. Whoever
// runs owns everything in it.
type scheduler struct {
	queue   engine.Queue
	wakes   map[uint64]chan struct{}
	control chan struct{}
	ids     uint64
}

// start lets body run as a process of its own from now on.
func (s *scheduler) start(body func(id uint64)) {
	s.ids++
	id, wake := s.ids, make(chan struct{})
	s.wakes[id] = wake
	s.wake(id)
	go func() {
		<-wake
		body(id)
		delete(s.wakes, id)
		s.control <- struct{}{}
	}()
}

// wake lets id go on, once it has its turn.
func (s *scheduler) wake(id uint64) { s.queue.Schedule(s.queue.Now(), 0, 0, id) }

// pause is called by id, and returns when it was woken.
func (s *scheduler) pause(id uint64) {
	wake := s.wakes[id] // before control is given away
	s.control <- struct{}{}
	<-wake
}

// hold is called by id, and returns after so many seconds.
func (s *scheduler) hold(id uint64, seconds float64) {
	s.queue.Schedule(s.queue.Now()+time.Duration(seconds*1e9), 0, 0, id)
	s.pause(id)
}

// run returns when nobody is left.
func (s *scheduler) run() {
	for {
		e, ok := s.queue.Take()
		if !ok {
			return
		}
		s.wakes[e.Token] <- struct{}{}
		<-s.control
	}
}

// byGoroutines is the same with a goroutine for each customer.
func byGoroutines(customers int) trial {
	var (
		s              = scheduler{wakes: map[uint64]chan struct{}{}, control: make(chan struct{})}
		gaps, services = dist.New(1, "gaps"), dist.New(1, "services")
		line           []uint64
		busy           int
		wait           time.Duration
	)
	customer := func(id uint64) {
		came := s.queue.Now()
		if busy == servers {
			line = append(line, id)
			s.pause(id)
			wait += s.queue.Now() - came
		} else {
			busy++
		}
		s.hold(id, services.Exp())
		if len(line) == 0 {
			busy--
			return
		}
		s.wake(line[0])
		line = line[1:]
	}
	began := clock.NewWall()
	s.start(func(id uint64) {
		for range customers {
			s.hold(id, gaps.Exp()/rate)
			s.start(customer)
		}
	})
	s.run()
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
