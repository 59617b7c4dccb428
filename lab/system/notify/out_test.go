package notify_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/system"
	"workbench/lab/system/notify"
	"workbench/sim/dist"
)

// texts returns an inbox, the newest first.
func (r *rig) texts(t *testing.T, person uint64) (out []string) {
	t.Helper()
	var body struct{ Messages []notify.Message }
	res := r.Serve(t.Context(), &lab.Request{Op: notify.Inbox, Key: person})
	if err := json.Unmarshal(res.Body, &body); err != nil {
		t.Fatal(err)
	}
	for _, m := range body.Messages {
		out = append(out, m.Text)
	}
	return out
}

func (r *rig) campaign(t *testing.T, at time.Duration, key uint64, text string, on map[string]map[string]any) lab.Response {
	t.Helper()
	r.clock.At = at
	req := &lab.Request{Op: notify.Campaign, Key: key, Once: fmt.Sprint(at, key), Body: fmt.Appendf(nil, `{"text":%q}`, text)}
	return r.Serve(t.Context(), choose(t, req, on))
}

// What comes for a person within the window after a message is one message, and
// leaves with the first campaign after it.
func TestDigestCollects(t *testing.T) {
	r := open(t)
	on := map[string]map[string]any{"digest": {"window": "10s", "size": 10}}
	for at := range 4 {
		r.campaign(t, time.Duration(at)*time.Second, 1, fmt.Sprint("offer ", at), on)
	}
	if got := r.texts(t, 1); len(got) != 1 || got[0] != "offer 0" {
		t.Errorf("within the window person 1 has %q, want the first offer alone", got)
	}
	if calls := r.gates.Provider.Stats().Served; calls != 1 {
		t.Errorf("%d calls of the provider, want 1: the others had nobody to tell", calls)
	}
	r.campaign(t, 11*time.Second, 100, "for others", on)
	if got := r.texts(t, 1); len(got) != 2 || got[0] != "3 messages, the newest: offer 3" {
		t.Errorf("after the window person 1 has %q, want the other three as one", got)
	}
	all := r.counts["digest"].All()
	if all["collected"] != 15 || all["digests"] != 5 || all["campaign_calls"] != 2 {
		t.Errorf("counted %v, want 15 messages collected for five people, five digests, two calls", all)
	}
	r.campaign(t, 30*time.Second, 1, "offer 4", on)
	if got := r.texts(t, 1); len(got) != 3 || got[0] != "offer 4" {
		t.Errorf("in a new window person 1 has %q, want offer 4 at once", got)
	}
}

// A campaign whose calls fail is not told, keeps nobody's window, and what it
// would have taken along waits for the next.
func TestDigestTakesBackWhatFailed(t *testing.T) {
	r := open(t)
	on := map[string]map[string]any{"digest": {"window": "10s", "size": 10}}
	r.campaign(t, 0, 1, "first", on)
	r.campaign(t, time.Second, 1, "second", on)
	fail := func(share float64) {
		if err := r.gates.Provider.Error(share); err != nil {
			t.Fatal(err)
		}
	}
	fail(1)
	if res := r.campaign(t, 11*time.Second, 100, "lost", on); res.Outcome != lab.Failed {
		t.Fatalf("with a provider that fails: %v, want failed", res.Outcome)
	}
	fail(0)
	r.campaign(t, 12*time.Second, 100, "again", on)
	if got := r.texts(t, 100); len(got) != 1 || got[0] != "again" {
		t.Errorf("person 100 has %q, want the second try at once", got)
	}
	if got := r.texts(t, 1); len(got) != 2 || got[0] != "second" {
		t.Errorf("person 1 has %q, want what was collected", got)
	}
}

// Every size of a call makes another number of them.
func TestEachSizeCounts(t *testing.T) {
	last := uint64(1 << 60)
	for size := 1; size <= 10; size++ {
		counted, draws := newCounts(), dist.New(3, "people")
		m := notify.Kind().Model(counted.of).(system.Watcher)
		for n := range 2000 { // windows that have ended come along, so that calls are for up to ten people
			now := time.Duration(n) * 100 * time.Millisecond
			req := choose(t, &lab.Request{ID: uint64(n) << 8, Op: notify.Campaign, Key: 1 + draws.IntN(60)}, map[string]map[string]any{"digest": {"window": "1s", "size": size}})
			m.Entered(now, req)
			m.Served(now, req)
		}
		got := counted["digest"].All()["campaign_calls"]
		if got >= last {
			t.Errorf("%d calls with %d messages in each, and %d with one less; want fewer", got, size, last)
		}
		last = got
	}
}

// While the first provider is out the second one sends, and the first is tried
// again.
func TestFailover(t *testing.T) {
	r := open(t)
	on := map[string]map[string]any{"failover": {"failure_share": 0.5, "rest": "5s"}}
	send := func(n int, from, step time.Duration) (good int) {
		for i := range n {
			r.clock.At = from + time.Duration(i)*step
			if r.Serve(t.Context(), choose(t, &lab.Request{Op: notify.Code, Key: 7}, on)).Outcome.Good() {
				good++
			}
		}
		return good
	}
	if err := r.gates.Provider.Error(1); err != nil {
		t.Fatal(err)
	}
	if good := send(30, 0, 10*time.Millisecond); good != 20 {
		t.Errorf("%d of 30 sent, want all but the ten that showed that the first provider is out", good)
	}
	if first, second := r.gates.Provider.Stats().Failed, r.gates.Second.Stats().Served; first != 10 || second != 20 {
		t.Errorf("%d failed at the first provider and %d were sent by the second, want 10 and 20", first, second)
	}
	if err := r.gates.Provider.Error(0); err != nil {
		t.Fatal(err)
	}
	if good := send(10, 6*time.Second, 10*time.Millisecond); good != 10 || r.gates.Provider.Stats().Served != 10 {
		t.Errorf("after the rest %d of 10 sent, %d by the first provider; want all by it", good, r.gates.Provider.Stats().Served)
	}
	want := map[string]uint64{"to_first": 20, "to_second": 20, "turned": 1, "turned_back": 1}
	if got := r.counts["failover"].All(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// Without a choice nobody turns, whatever the first provider does; and a
// database that is out is no reason to.
func TestNoReasonToTurn(t *testing.T) {
	for _, c := range []struct {
		name string
		on   map[string]map[string]any
		gate bool
	}{{"off", nil, false}, {"the database", map[string]map[string]any{"failover": nil}, true}} {
		r := open(t)
		at := r.gates.Provider
		if c.gate {
			at = r.gates.Gate
		}
		if err := at.Error(1); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			r.Serve(t.Context(), choose(t, &lab.Request{Op: notify.Code, Key: 7}, c.on))
		}
		if n := r.gates.Second.Stats().Served; n != 0 {
			t.Errorf("%s: %d calls of the second provider, want none", c.name, n)
		}
	}
}

// What one provider was told the other does not know: a message that the first
// sent late goes out again by the second, whatever the key.
func TestTheOtherProviderKnowsNoKey(t *testing.T) {
	r := open(t)
	m := notify.Kind().Model(r.counts.of).(system.Watcher)
	on := map[string]map[string]any{"dedupe": nil, "failover": nil}
	try := func(at time.Duration, ok bool) {
		req := choose(t, &lab.Request{ID: 1 << 8, Op: notify.Code, Key: 7}, on)
		m.Entered(at, req)
		if ok {
			m.Served(at, req)
		} else {
			m.Left(at, req, 1, lab.Refuse(lab.Failed, lab.ReasonDown, 0))
		}
	}
	try(0, true)
	for range 20 {
		try(time.Second, false)
	}
	try(2*time.Second, true) // by the second
	try(2*time.Second, true) // which knows it now
	if all := r.counts["dedupe"].All(); all["sent"] != 2 || all["sent_twice"] != 1 || all["deduplicated"] != 1 {
		t.Errorf("counted %v, want two sent, one of them a second time, and one known", all)
	}
}
