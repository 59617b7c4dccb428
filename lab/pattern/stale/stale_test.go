package stale_test

import (
	"fmt"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/stale"
)

func answer(text string) lab.Response { return lab.Response{Body: []byte(text)} }

func copies(t *testing.T, k stale.Knobs) *stale.Copies {
	t.Helper()
	c, err := stale.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keep(c *stale.Copies, now time.Duration, key uint64, text string) stale.Kept {
	_, _, lease := c.Look(now, key, 0)
	return c.Keep(now, key, 0, lease, answer(text))
}

func TestKnobs(t *testing.T) {
	for name, c := range map[string]struct {
		set map[string]any
		ok  bool
	}{
		"defaults":                {nil, true},
		"refresh beyond max_age":  {map[string]any{"refresh": "20m"}, false},
		"fresh beyond max_age":    {map[string]any{"fresh_for": "20m"}, false},
		"fresh beyond refresh":    {map[string]any{"refresh": "10s", "fresh_for": "11s"}, false},
		"fresh within refresh":    {map[string]any{"refresh": "10s", "fresh_for": "5s"}, true},
		"fresh without a refresh": {map[string]any{"fresh_for": "5s"}, true},
		"no items":                {map[string]any{"capacity": 0}, false},
	} {
		if _, err := stale.Pattern().Settings(c.set); (err == nil) != c.ok {
			t.Errorf("%s: Settings(%v) = %v, want ok %t", name, c.set, err, c.ok)
		}
	}
	if _, err := stale.New(stale.Knobs{}); err == nil {
		t.Error("New with no capacity = nil error, want one")
	}
}

func TestLookByAge(t *testing.T) {
	knobs := stale.Knobs{Capacity: 10, MaxAge: time.Minute, Refresh: 30 * time.Second, FreshFor: 10 * time.Second, Background: 1}
	onError := stale.Knobs{Capacity: 10, MaxAge: time.Minute, Background: 1}
	for _, c := range []struct {
		name  string
		knobs stale.Knobs
		age   time.Duration
		want  stale.Offer
		out   lab.Outcome
	}{
		{"fresh", knobs, 10*time.Second - 1, stale.Fresh, lab.OK},
		{"no longer fresh", knobs, 10 * time.Second, stale.AtOnce, lab.Stale},
		{"last instant at once", knobs, 30*time.Second - 1, stale.AtOnce, lab.Stale},
		{"for errors", knobs, 30 * time.Second, stale.Backup, lab.Stale},
		{"oldest", knobs, time.Minute, stale.Backup, lab.Stale},
		{"too old", knobs, time.Minute + 1, stale.Nothing, lab.OK},
		{"young, on error only", onError, 0, stale.Backup, lab.Stale},
	} {
		s := copies(t, c.knobs)
		keep(s, 0, 1, "x")
		res, offer, _ := s.Look(c.age, 1, 0)
		if offer != c.want || res.Outcome != c.out {
			t.Errorf("%s: Look at age %v = %d %v, want %d %v", c.name, c.age, offer, res.Outcome, c.want, c.out)
		}
		if offer != stale.Nothing && res.Age != c.age {
			t.Errorf("%s: Age = %v, want %v", c.name, res.Age, c.age)
		}
	}
}

func TestWrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		res     lab.Response
		dropped int
		offer   stale.Offer
		lease   stale.Kept // of a load that was under way
	}{
		{"done", lab.Response{}, 1, stale.Nothing, stale.Refused},
		{"failed", lab.Refuse(lab.Failed, lab.ReasonFault, 0), 0, stale.Backup, stale.Refused},
		{"late", lab.Refuse(lab.Late, lab.ReasonDeadline, 0), 0, stale.Backup, stale.Refused},
		{"cut off", lab.Refuse(lab.Shed, lab.ReasonShutdown, 0), 0, stale.Backup, stale.Refused},
		{"shed", lab.Refuse(lab.Shed, lab.ReasonBacklog, 0), 0, stale.Fresh, stale.Stored},
		{"limited", lab.Refuse(lab.Limited, "rate", 1), 0, stale.Fresh, stale.Stored},
	} {
		s := copies(t, stale.Knobs{Capacity: 10, MaxAge: time.Minute, FreshFor: 10 * time.Second, Background: 1})
		keep(s, 0, 1, "old")
		_, _, lease := s.Look(time.Second, 1, 0)
		if got := s.Wrote(1, &c.res); got != c.dropped {
			t.Errorf("%s: Wrote = %d, want %d", c.name, got, c.dropped)
		}
		if _, got, _ := s.Look(time.Second, 1, 0); got != c.offer {
			t.Errorf("%s: Look afterwards = %d, want %d", c.name, got, c.offer)
		}
		if got := s.Keep(2*time.Second, 1, 0, lease, answer("from before")); got != c.lease {
			t.Errorf("%s: Keep of a load from before = %d, want %d", c.name, got, c.lease)
		}
		if got := keep(s, 3*time.Second, 1, "new"); got != stale.Stored {
			t.Errorf("%s: Keep of a load from afterwards = %d, want Stored", c.name, got)
		}
		if res, offer, _ := s.Look(4*time.Second, 1, 0); offer != stale.Fresh || string(res.Body) != "new" {
			t.Errorf("%s: Look = %d %q, want Fresh new", c.name, offer, res.Body)
		}
	}
}

func TestRenewal(t *testing.T) {
	s := copies(t, stale.Knobs{Capacity: 10, MaxAge: time.Minute, Refresh: 10 * time.Second, Background: 2})
	for key := range uint64(3) {
		keep(s, 0, key, "x")
	}
	at := 5 * time.Second
	renew := func(what string, at time.Duration, key uint64, want bool) {
		t.Helper()
		if got := s.Renew(at, key, 0); got != want {
			t.Errorf("%s: Renew(%v, %d) = %t, want %t", what, at, key, got, want)
		}
	}
	renew("first", at, 0, true)
	renew("already under way", at, 0, false)
	renew("another item", at, 1, true)
	renew("no room", at, 2, false)
	s.EndRenew(at, 0, 0, false)
	renew("too soon after a failure", at+stale.Pause-1, 0, false)
	// The failure extends the copy: past refresh it is still given out at once.
	if _, offer, _ := s.Look(50*time.Second, 0, 0); offer != stale.AtOnce {
		t.Errorf("Look of a copy whose renewal failed = %d, want AtOnce", offer)
	}
	if _, offer, _ := s.Look(50*time.Second, 2, 0); offer != stale.Backup {
		t.Errorf("Look of another old copy = %d, want Backup", offer)
	}
	if _, offer, _ := s.Look(time.Minute+1, 0, 0); offer != stale.Nothing {
		t.Errorf("Look beyond max_age = %d, want Nothing", offer)
	}
	renew("after the pause", at+stale.Pause, 0, true)
	keep(s, 7*time.Second, 0, "renewed")
	s.EndRenew(7*time.Second, 0, 0, true)
	if res, offer, _ := s.Look(8*time.Second, 0, 0); offer != stale.AtOnce || string(res.Body) != "renewed" || res.Age != time.Second {
		t.Errorf("Look after a renewal = %d %q %v, want AtOnce renewed 1s", offer, res.Body, res.Age)
	}
	if s.Behind() != 1 {
		t.Errorf("Behind() = %d, want 1: item 1's", s.Behind())
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		name string
		res  lab.Response
		want bool
	}{
		{"ok", lab.Response{}, false},
		{"missing", lab.Response{Missing: true}, false},
		{"limited", lab.Refuse(lab.Limited, "rate", 1), false},
		{"wrong request", lab.Refuse(lab.Failed, lab.ReasonBad, 0), false},
		{"fault", lab.Refuse(lab.Failed, lab.ReasonFault, 0), true},
		{"down", lab.Refuse(lab.Failed, lab.ReasonDown, 0), true},
		{"late", lab.Refuse(lab.Late, lab.ReasonDeadline, 0), true},
		{"open", lab.Refuse(lab.Open, "open", 1), true},
		{"shed", lab.Refuse(lab.Shed, lab.ReasonBacklog, 1), true},
	} {
		if got := stale.Covers(&c.res); got != c.want {
			t.Errorf("%s: Covers = %t, want %t", c.name, got, c.want)
		}
	}
}

func TestDetached(t *testing.T) {
	for _, c := range []struct {
		name    string
		in      lab.Request
		renewal bool
		want    time.Duration
		patient time.Duration
	}{
		{"soft, no deadline", lab.Request{Patience: 7}, false, time.Second + stale.Limit, 7},
		{"soft, its own", lab.Request{Deadline: 3 * time.Second}, false, 3 * time.Second, 0},
		{"renewal", lab.Request{Deadline: 3 * time.Second, Patience: 7}, true, time.Second + stale.Limit, 0},
	} {
		if stale.Detached(time.Second, &c.in, c.renewal); c.in.Deadline != c.want || c.in.Patience != c.patient {
			t.Errorf("%s: Deadline, Patience = %v, %v, want %v, %v", c.name, c.in.Deadline, c.in.Patience, c.want, c.patient)
		}
	}
}

// FuzzCopies plays loads, writes and renewals against the plain truth of an
// item's history, and wants that no offer is older than max_age, that none at
// once is from before a write that may have worked, and that bounds hold.
func FuzzCopies(f *testing.F) {
	f.Add([]byte{0, 40, 80, 120, 160, 200, 240, 0, 41, 90})
	f.Add([]byte("keep write look renew end keep look"))
	f.Fuzz(func(t *testing.T, moves []byte) {
		k := stale.Knobs{Capacity: 3, MaxAge: 40, Refresh: 20, FreshFor: 5, Background: 2}
		c := copies(t, k)
		type load struct {
			key     uint64
			lease   stale.Lease
			written int
		}
		var loads []load
		var renewals []uint64
		written := map[uint64]int{} // how often an item may have changed
		for i, m := range moves {
			now, key := time.Duration(i), uint64(m%5)
			res, offer, lease := c.Look(now, key, 0)
			if offer != stale.Nothing && res.Age > k.MaxAge {
				t.Fatalf("move %d: a copy of age %d was offered, want at most %d", i, res.Age, k.MaxAge)
			}
			if offer > stale.Backup && string(res.Body) != fmt.Sprint(key, written[key]) {
				t.Fatalf("move %d: %q was offered at once for item %d after %d writes", i, res.Body, key, written[key])
			}
			switch {
			case m < 60:
				loads = append(loads, load{key, lease, written[key]})
			case m < 130 && len(loads) > 0:
				l := loads[int(m)%len(loads)]
				c.Keep(now, l.key, 0, l.lease, answer(fmt.Sprint(l.key, l.written)))
			case m < 160:
				written[key]++
				outcomes := []lab.Outcome{lab.OK, lab.Failed, lab.Late}
				c.Wrote(key, &lab.Response{Outcome: outcomes[int(m)%3]})
			case m < 200 && c.Renew(now, key, 0):
				renewals = append(renewals, key)
			case len(renewals) > 0:
				c.EndRenew(now, renewals[0], 0, m%2 == 0)
				renewals = renewals[1:]
			}
			if c.Len() > k.Capacity || c.Behind() != len(renewals) || c.Behind() > k.Background {
				t.Fatalf("move %d: Len, Behind = %d, %d, want at most %d, exactly %d", i, c.Len(), c.Behind(), k.Capacity, len(renewals))
			}
		}
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, stale.Pattern()) }

func TestTwins(t *testing.T) {
	trace := patterntest.Poisson(4, 3000, 300, 30*time.Millisecond)
	for i := range trace {
		if trace[i].Request.Read && i%11 == 0 {
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Late, lab.ReasonDeadline, 0)}
		}
	}
	for name, knobs := range map[string]map[string]any{
		"on error":      nil,
		"short age":     {"max_age": "100ms"},
		"few items":     {"capacity": 5},
		"soft wait":     {"after": "10ms"},
		"little room":   {"after": "5ms", "background": 2},
		"renew behind":  {"refresh": "200ms", "fresh_for": "50ms"},
		"all of it":     {"refresh": "80ms", "after": "10ms", "background": 4, "max_age": "500ms"},
		"fresh, simply": {"fresh_for": "100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			old := 0
			for _, r := range patterntest.Twin(t, stale.Pattern(), knobs, trace) {
				if r.Response.Outcome == lab.Stale {
					old++
				}
			}
			if old < 20 && name != "fresh, simply" || old > 2950 {
				t.Errorf("%d of 3000 answers are stale, want a trace that tests both", old)
			}
		})
	}
}
