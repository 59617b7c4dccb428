// Package openloop sends load at a set rate and does not lie about how long the answers took.
// This answer lets one goroutine do all the book-keeping: it wakes by the timetable, keeps
// what is due in a queue, and hears of ends through a channel.
package openloop

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Config says what to send.
type Config struct {
	Rate        float64       // requests in a second; above 0
	Duration    time.Duration // for how long; above 0
	MaxInFlight int           // calls open at once; at least 1
}

// Report says what happened.
type Report struct {
	Planned   int             // ⌊Rate · Duration⌋
	Sent      int             // how many of them were made
	Failed    int             // how many of those gave an error
	Lag       time.Duration   // the longest time between an intended instant and its call
	Latencies []time.Duration // from the intended instant to the answer, without the failed, in the order of their instants
}

type end struct {
	i    int
	at   time.Time
	good bool
}

// Run keeps the books.
func Run(ctx context.Context, c Config, call func(ctx context.Context) error) (Report, error) {
	if err := c.check(); err != nil {
		return Report{}, err
	}
	r := Report{Planned: int(math.Floor(c.Rate * c.Duration.Seconds()))}
	start := time.Now()
	instant := func(i int) time.Time { return start.Add(time.Duration(float64(i) / c.Rate * 1e9)) }
	latencies := make([]time.Duration, r.Planned)
	ends := make(chan end)
	open := 0
	launch := func(i int) {
		open++
		r.Sent++
		r.Lag = max(r.Lag, time.Since(instant(i)))
		go func() {
			e := end{i: i}
			defer func() {
				if recover() != nil {
					e.good = false
				}
				e.at = time.Now()
				ends <- e // the books are open until the last end is in
			}()
			e.good = call(ctx) == nil
		}()
	}
	stop := ctx.Done()
	next := 0
	for next < r.Planned || open > 0 {
		var wake <-chan time.Time
		if next < r.Planned && open < c.MaxInFlight {
			if wait := time.Until(instant(next)); wait > 0 || ctx.Err() != nil {
				wake = time.After(wait)
			} else {
				launch(next)
				next++
				continue
			}
		}
		select {
		case <-wake:
		case e := <-ends:
			open--
			if e.good {
				latencies[e.i] = max(1, e.at.Sub(instant(e.i)))
			} else {
				r.Failed++
			}
		case <-stop:
			stop, next = nil, r.Planned // nothing new; the open ones are still awaited
		}
	}
	for _, l := range latencies {
		if l > 0 {
			r.Latencies = append(r.Latencies, l)
		}
	}
	return r, ctx.Err()
}

// check names the first field that makes no sense.
func (c Config) check() error {
	switch {
	case !(c.Rate > 0) || math.IsInf(c.Rate, 0):
		return fmt.Errorf("openloop: Rate is %v: give the requests in a second, above 0", c.Rate)
	case c.Duration <= 0:
		return fmt.Errorf("openloop: Duration is %v: give a time above 0", c.Duration)
	case c.MaxInFlight < 1:
		return fmt.Errorf("openloop: MaxInFlight is %d: give at least 1", c.MaxInFlight)
	}
	return nil
}
