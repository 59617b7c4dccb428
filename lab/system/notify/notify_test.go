package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/notify"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

type counts map[string]*lab.Counters

func newCounts() counts {
	return counts{"dedupe": lab.NewCounters(), "digest": lab.NewCounters(), "failover": lab.NewCounters()}
}

func (c counts) of(name string) *lab.Counters { return c[name] }

type rig struct {
	*notify.Service
	gates  system.Gates
	clock  *clock.Manual
	counts counts
}

func open(t *testing.T) *rig {
	t.Helper()
	tables, err := sqlite.OpenTables(t.Context(), filepath.Join(t.TempDir(), "notify.db"), notify.Schema, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tables.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	r := &rig{clock: &clock.Manual{}, counts: newCounts()}
	for name, to := range map[string]**gate.Gate{"gate": &r.gates.Gate, "provider": &r.gates.Provider, "second": &r.gates.Second} {
		if *to, err = gate.New(gate.Spec{Slots: 8}, clock.NewWall(), dist.New(1, name)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*to).Close)
	}
	r.Service, err = notify.New(t.Context(), notify.Deps{Write: tables.Write, Read: tables.Read, Explain: sqlite.Explain, Gates: r.gates, Clock: r.clock, Counters: r.counts.of})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// choose sets choices on a request as the chain does.
func choose(t *testing.T, req *lab.Request, on map[string]map[string]any) *lab.Request {
	t.Helper()
	for _, p := range notify.Kind().Choices {
		knobs, ok := on[p.Name]
		if !ok {
			continue
		}
		k, err := p.Settings(knobs)
		if err != nil {
			t.Fatal(err)
		}
		live, err := p.New(lab.Env{Counters: lab.NewCounters()}, k)
		if err != nil {
			t.Fatal(err)
		}
		live.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response { *req = *r; return lab.Response{} }), lab.On).Serve(t.Context(), req)
	}
	return req
}

var once = map[string]map[string]any{"dedupe": nil}

func (r *rig) inbox(t *testing.T, person uint64) int {
	t.Helper()
	var body struct{ Messages []notify.Message }
	res := r.Serve(t.Context(), &lab.Request{Op: notify.Inbox, Key: person})
	if err := json.Unmarshal(res.Body, &body); err != nil || !res.Outcome.Good() {
		t.Fatalf("the inbox of %d: %v %s: %v", person, res.Outcome, res.Body, err)
	}
	return len(body.Messages)
}

func TestMessagesArriveAsOftenAsTheyAreSent(t *testing.T) {
	for _, c := range []struct {
		name string
		on   map[string]map[string]any
		wait time.Duration // between tries
		key  string
		want int // messages after three tries
	}{
		{"naively, each try sends", nil, time.Second, "k", 3},
		{"with the provider told the key", once, time.Second, "k", 1},
		{"beyond the window the key is forgotten", map[string]map[string]any{"dedupe": {"window": "1s"}}, 2 * time.Second, "k", 3},
		{"a request without a key is like no other", once, time.Second, "", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t)
			for n := range 3 {
				r.clock.At = time.Duration(n) * c.wait
				if res := r.Serve(t.Context(), choose(t, &lab.Request{Op: notify.Code, Key: 7, Once: c.key}, c.on)); !res.Outcome.Good() {
					t.Fatalf("try %d: %v %s", n, res.Outcome, res.Body)
				}
			}
			if got := r.inbox(t, 7); got != c.want {
				t.Errorf("%d messages arrived, want %d", got, c.want)
			}
			all := r.counts["dedupe"].All()
			if all["sent"] != uint64(c.want) || all["sent"]+all["deduplicated"] != 3 || c.key != "" && all["sent_twice"] != uint64(c.want-1) {
				t.Errorf("counted %v, want %d sent of 3", all, c.want)
			}
		})
	}
}

func TestACampaignReachesItsPeople(t *testing.T) {
	r := open(t)
	r.Serve(t.Context(), &lab.Request{Op: notify.Campaign, Key: notify.People - 1, Body: []byte(`{"text":"Offer."}`)})
	for _, person := range []uint64{notify.People - 1, notify.People, 1, 2, 3} {
		if got := r.inbox(t, person); got != 1 {
			t.Errorf("person %d has %d messages, want 1", person, got)
		}
	}
}

// The service makes exactly the calls that virtual time reckons with.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name           string
		req            lab.Request
		on             map[string]map[string]any
		gate, provider uint64
	}{
		{"a code", lab.Request{Op: notify.Code, Key: 1}, nil, 1, 1},
		{"a campaign, one by one", lab.Request{Op: notify.Campaign, Key: 1}, nil, 1, notify.Batch},
		{"a campaign at once", lab.Request{Op: notify.Campaign, Key: 1}, map[string]map[string]any{"digest": nil}, 1, 1},
		{"a campaign in twos", lab.Request{Op: notify.Campaign, Key: 1}, map[string]map[string]any{"digest": {"size": 2}}, 1, 3},
		{"an inbox", lab.Request{Op: notify.Inbox, Key: 1}, nil, 1, 0},
		{"nobody", lab.Request{Op: notify.Code}, nil, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t)
			c.req.Body = []byte(`{"text":"x"}`)
			req := choose(t, &c.req, c.on)
			res := r.Serve(t.Context(), req)
			g, p := r.gates.Gate.Stats().Served, r.gates.Provider.Stats().Served
			if !res.Outcome.Good() || g != c.gate || p != c.provider || notify.Kind().Calls(req) != int(c.gate+c.provider) {
				t.Errorf("%v after %d and %d calls, the kind says %d; want %d and %d", res.Outcome, g, p, notify.Kind().Calls(req), c.gate, c.provider)
			}
		})
	}
}

// The live service and virtual time count alike, whatever comes.
func TestModelAgrees(t *testing.T) {
	for name, on := range map[string]map[string]map[string]any{
		"naive": nil, "dedupe": once, "digest": {"digest": nil}, "both": {"dedupe": {"window": "20s"}, "digest": {"size": 2, "window": "3s"}}, "all": {"dedupe": nil, "digest": {"window": "9s"}, "failover": nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			counted := newCounts()
			m := notify.Kind().Model(counted.of)
			draws := dist.New(5, "requests")
			for n := range 200 {
				r.clock.At = time.Duration(n) * time.Second
				serial := draws.IntN(60)
				req := choose(t, &lab.Request{ID: serial << 8, Once: fmt.Sprint(serial), Op: uint8(draws.IntN(3)), Key: draws.IntN(10), Body: []byte(`{"text":"x"}`)}, on)
				live, copied := r.Serve(t.Context(), req), *req
				m.(system.Watcher).Entered(r.clock.At, &copied)
				virtual := m.Served(r.clock.At, &copied)
				if a, b := notify.Kind().Calls(req), notify.Kind().Calls(&copied); a != b {
					t.Fatalf("request %d: %d calls live, %d in virtual time", n, a, b)
				}
				if live.Outcome != lab.OK || live.Missing != virtual.Missing {
					t.Fatalf("request %d: live %v, missing %v; in virtual time missing %v", n, live.Outcome, live.Missing, virtual.Missing)
				}
			}
			for choice := range counted {
				if a, b := r.counts[choice].All(), counted[choice].All(); fmt.Sprint(a) != fmt.Sprint(b) || a["sent"]+a["campaign_calls"]+a["to_first"] == 0 && !(choice == "failover" && on["failover"] == nil) {
					t.Errorf("%s: live counts %v, virtual time %v", choice, a, b)
				}
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	r := open(t)
	for _, c := range []struct {
		name string
		req  lab.Request
		want string
	}{
		{"no JSON", lab.Request{Op: notify.Campaign, Key: 1, Body: []byte("text=x")}, `{"text":"…"}`},
		{"no text", lab.Request{Op: notify.Campaign, Key: 1, Body: []byte(`{}`)}, "text is missing"},
		{"too long", lab.Request{Op: notify.Campaign, Key: 1, Body: []byte(`{"text":"` + strings.Repeat("é", 501) + `"}`)}, "501 characters"},
		{"no operation", lab.Request{Op: 9}, "operation 9"},
	} {
		if res := r.Serve(t.Context(), &c.req); res.Outcome != lab.Failed || res.Reason != lab.ReasonBad || !strings.Contains(string(res.Body), c.want) {
			t.Errorf("%s: %v (%s) %s, want failed (bad) and %q", c.name, res.Outcome, res.Reason, res.Body, c.want)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := notify.New(t.Context(), notify.Deps{})
	for _, want := range []string{"Write", "Read", "Explain", "Gates.Gate", "Clock", "Counters"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(Deps{}) = %v, want an error that names %s", err, want)
		}
	}
}
