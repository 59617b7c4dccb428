package load_test

import (
	"net/http"
	"testing"
	"time"

	"workbench/sim/load"
)

const ms = time.Millisecond

func TestVerdictRules(t *testing.T) {
	busy := load.Second{Offered: 1000, Tries: 1000, Firsts: 1000, Answered: 1000, Service: 10 * ms, Calm: 10 * ms, Free: true}
	for _, c := range []struct {
		name string
		edit func(s *load.Second)
		want load.Verdict
	}{
		{"all is well", func(*load.Second) {}, load.Unlimited},
		{"lag of 3 ms", func(s *load.Second) { s.Lag = 3 * ms }, load.GeneratorLimited},
		{"lag of 3 ms at a service of 100 ms", func(s *load.Second) { s.Lag, s.Service, s.Calm = 3*ms, 100*ms, 100*ms }, load.Unlimited},
		{"lag of 20 ms that users of 500 ms hardly feel", func(s *load.Second) { s.Lag, s.Patience, s.Service, s.Calm = 20*ms, 500*ms, 22*ms, 22*ms }, load.Unlimited},
		{"lag of 5 ms while most are refused at once", func(s *load.Second) { s.Lag, s.Patience, s.Service, s.Calm, s.Refused = 5*ms, 500*ms, ms, 22*ms, 600 }, load.ServiceLimited},
		{"lag of 20 ms beside a service of 1 ms", func(s *load.Second) { s.Lag, s.Patience, s.Service, s.Calm = 20*ms, 500*ms, ms, ms }, load.GeneratorLimited},
		{"lag of 26 ms whatever the patience", func(s *load.Second) { s.Lag, s.Patience, s.Service, s.Calm = 27*ms, time.Minute, 100*ms, 100*ms }, load.GeneratorLimited},
		{"lag of 6 ms for users of 100 ms", func(s *load.Second) { s.Lag, s.Patience, s.Service, s.Calm = 6*ms, 100*ms, 50*ms, 50*ms }, load.GeneratorLimited},
		{"an arrival overdue", func(s *load.Second) { s.Overdue = 50 * ms }, load.GeneratorLimited},
		{"processor spent", func(s *load.Second) { s.CPU = 0.9 }, load.GeneratorLimited},
		{"unsent with a free connection", func(s *load.Second) { s.Firsts, s.Pending = 900, 100 }, load.GeneratorLimited},
		{"waits, service as ever", func(s *load.Second) { s.Waited, s.Free = 100, false }, load.ConnectionLimited},
		{"waits, service swollen", func(s *load.Second) { s.Waited, s.Service = 100, 30*ms }, load.ServiceLimited},
		{"waits, nothing comes back", func(s *load.Second) { s.Waited, s.Answered, s.Free = 100, 0, false }, load.ServiceLimited},
		{"waits, and no try has time left", func(s *load.Second) { s.Waited, s.Answered, s.Hurried = 500, 0, 1000 }, load.ConnectionLimited},
		{"waits, and never an answer", func(s *load.Second) { s.Waited, s.Answered, s.Hurried, s.Silent = 500, 0, 1000, true }, load.ServiceLimited},
		{"a stall within the second", func(s *load.Second) { s.Waited, s.Stalled = 100, true }, load.ServiceLimited},
		{"slow by nature", func(s *load.Second) { s.Waited, s.Answered, s.Calm = 100, 0, 2*time.Second }, load.ConnectionLimited},
		{"timeouts", func(s *load.Second) { s.Unanswered = 20 }, load.ServiceLimited},
		{"refusals", func(s *load.Second) { s.Refused = 20 }, load.ServiceLimited},
		{"one refusal", func(s *load.Second) { s.Refused = 1 }, load.Unlimited},
		{"inflight grows", func(s *load.Second) { s.Grew, s.InflightFrom, s.Inflight = 9, 10, 100 }, load.ServiceLimited},
		{"inflight wavers", func(s *load.Second) { s.Grew, s.InflightFrom, s.Inflight = 5, 10, 100 }, load.Unlimited},
		{"the generator's fault comes first", func(s *load.Second) { s.Lag, s.Unanswered, s.Waited = 20*ms, 500, 500 }, load.GeneratorLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := busy
			c.edit(&s)
			if got := s.Judge(); got != c.want {
				t.Errorf("Judge(%+v) = %s, want %s", s, got, c.want)
			}
		})
	}
}

// Each of the three ways to be limited is told from the others in a real run.
func TestVerdictMatrix(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	stalled := func(*http.Request) string { <-hold; return "" }
	// A timer paces the slow service: what is tested is a ratio of waits, and no
	// bound on time is asserted.
	slow := func(*http.Request) string {
		<-time.NewTimer(50 * ms).C
		return reply("200 OK", "")
	}
	for _, c := range []struct {
		name   string
		answer func(*http.Request) string
		starve time.Duration
		conns  int
		want   load.Verdict
	}{
		{"generator starved", func(*http.Request) string { return reply("200 OK", "") }, 50 * ms, 64, load.GeneratorLimited},
		{"four connections", slow, 0, 4, load.ConnectionLimited},
		{"service stalled", stalled, 0, 4, load.ServiceLimited},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan(serve(t, c.answer), 300, time.Minute)
			t.Cleanup(func() {
				if c.want == load.ServiceLimited {
					close(hold)
				}
			})
			p.Conns = c.conns
			pace, err := load.Oversleep(c.starve)
			if err != nil {
				t.Fatal(err)
			}
			r, err := load.StartWith(t.Context(), p, pace)
			if err != nil {
				t.Fatal(err)
			}
			var last load.Verdict
			for f := range r.Frames() {
				// A machine whose other work starves the generator makes a second of
				// GeneratorLimited; the next may be better.
				if last = f.Verdict; last == c.want {
					break
				}
			}
			if last != c.want {
				t.Errorf("verdict = %s in a minute, want %s", last, c.want)
			}
			if err := r.Apply(load.Change{Stop: true}); err != nil {
				t.Error(err)
			}
			if err := r.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
