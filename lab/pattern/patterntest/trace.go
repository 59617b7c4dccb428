// Package patterntest is the suite that every pattern passes, whoever wrote it:
// ours, adapters to well-known libraries, and learners' solutions.
//
// Run checks what the chain relies on; Twin sends one trace through a pattern's
// live and virtual wrappers and fails on the first answer or instant that
// differs.
package patterntest

import (
	"bytes"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/sim/dist"
)

// Arrival is one request of a trace and what the service below would do with
// it. Instants must differ from each other, else the order of the two engines
// is not defined.
type Arrival struct {
	At      time.Duration  // when it arrives
	Service time.Duration  // how long each call below takes
	Again   time.Duration  // how long the calls after the first take; 0: Service
	Answers []lab.Response // of the first call below, the second, …; the last repeats; none: OK
	Request lab.Request    // ID and At are filled in; Deadline and Patience are absolute
}

// Result is what became of one arrival.
type Result struct {
	At       time.Duration // when the answer left the pattern
	Response lab.Response
	Calls    int // how often the pattern called what is below
}

// answer returns the answer to call n (counted from 0).
func (a *Arrival) answer(n int) lab.Response {
	if len(a.Answers) == 0 {
		return lab.Response{Body: []byte("fresh")}
	}
	return a.Answers[min(n, len(a.Answers)-1)]
}

// below returns when call n that starts at now ends, and with what: like the
// gate, it stops waiting at the request's deadline.
func (a *Arrival) below(now time.Duration, r *lab.Request, n int) (time.Duration, lab.Response) {
	end := now + a.Service
	if n > 0 && a.Again > 0 {
		end = now + a.Again
	}
	if r.Deadline > 0 && r.Deadline < end {
		return max(now, r.Deadline), lab.Refuse(lab.Late, lab.ReasonDeadline, 0)
	}
	return end, a.answer(n)
}

// Poisson returns n arrivals at a mean rate a second with exponential service
// times of the given mean, over 50 users, 20 keys and 4 operations, one in ten
// of which fails. Instants are drawn to the nanosecond, so ties are improbable.
func Poisson(seed uint64, n int, rate float64, service time.Duration) []Arrival {
	r := dist.New(seed, "patterntest")
	out := make([]Arrival, n)
	at := time.Duration(0)
	for i := range out {
		at += time.Duration(r.Exp()/rate*1e9) + 1
		a := Arrival{At: at, Service: time.Duration(r.Exp()*float64(service)) + 1}
		user := 1 + r.IntN(50)
		a.Request = lab.Request{
			User: user, IP: 1 + user/4, Token: user, Key: 1 + r.IntN(20), Op: uint8(r.IntN(4)),
			Priority: lab.Priority(r.IntN(3)), Read: r.Float64() < 0.9, Try: uint8(r.IntN(2)),
		}
		if r.Float64() < 0.1 {
			a.Answers = []lab.Response{lab.Refuse(lab.Failed, lab.ReasonFault, 0), {Body: []byte("second")}}
		}
		out[i] = a
	}
	return out
}

func same(a, b lab.Response) bool {
	return a.Outcome == b.Outcome && a.Cached == b.Cached && a.Accepted == b.Accepted && a.Missing == b.Missing && a.Default == b.Default &&
		a.Reason == b.Reason && a.Location == b.Location && a.Age == b.Age && a.RetryAfter == b.RetryAfter && bytes.Equal(a.Body, b.Body)
}

func (r Result) String() string {
	return fmt.Sprintf("{at %v, %+v, %d calls}", r.At, r.Response, r.Calls)
}
