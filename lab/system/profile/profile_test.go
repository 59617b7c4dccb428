package profile_test

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
	"workbench/lab/store"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/profile"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

type rig struct {
	*profile.Profile
	store          *sqlite.Store
	gate, provider *gate.Gate
}

func open(t *testing.T, withProvider bool) rig {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "profiles.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	if err := s.Seed(t.Context(), 300); err != nil {
		t.Fatal(err)
	}
	newGate := func(name string) *gate.Gate {
		g, err := gate.New(gate.Spec{Slots: 2}, clock.NewWall(), dist.New(1, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.Close)
		return g
	}
	r := rig{store: s, gate: newGate("gate")}
	d := profile.Deps{Store: s, Gate: r.gate}
	if withProvider {
		r.provider = newGate("provider")
		d.Provider = r.provider
	}
	if r.Profile, err = profile.New(d); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestServe(t *testing.T) {
	for _, c := range []struct {
		name string
		req  lab.Request
		want lab.Response // Body is ignored
		body []string     // what it must hold
	}{
		{"read", lab.Request{Op: profile.Read, Key: 7}, lab.Response{}, []string{`"id":7`, `"version":1`, `"Member 7"`}},
		{"read what is not there", lab.Request{Op: profile.Read, Key: 301}, lab.Response{Missing: true}, nil},
		{"update", lab.Request{Op: profile.Update, Key: 7, Body: []byte(`{"bio":"new"}`)}, lab.Response{}, []string{`{"id":7,"version":2}`}},
		{"update what is not there", lab.Request{Op: profile.Update, Key: 301, Body: []byte(`{"bio":"new"}`)}, lab.Response{Missing: true}, nil},
		{"update without text", lab.Request{Op: profile.Update, Key: 7, Body: []byte(`{}`)}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{"bio is missing"}},
		{"update with no JSON", lab.Request{Op: profile.Update, Key: 7, Body: []byte(`bio=x`)}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{`{"bio":"…"}`}},
		{"update that is too long", lab.Request{Op: profile.Update, Key: 7, Body: []byte(`{"bio":"` + strings.Repeat("é", 1001) + `"}`)},
			lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{"1001 characters", "at most 1000"}},
		{"report", lab.Request{Op: profile.Report, Key: 7}, lab.Response{}, []string{`"profile":7`, `"cities":[`}},
		{"report on nobody", lab.Request{Op: profile.Report, Key: 9000}, lab.Response{Missing: true}, nil},
		{"submit", lab.Request{Op: profile.Submit, ID: 11, Body: []byte(`{"profile":7}`)}, lab.Response{}, []string{`"job":11`, `"state":"done"`, `"first":true`}},
		{"submit with a negative number", lab.Request{Op: profile.Submit, ID: 11, Body: []byte(`{"profile":-7}`)}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{`{"profile":7}`}},
		{"submit for nobody in particular", lab.Request{Op: profile.Submit, ID: 11, Body: []byte(`{}`)}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{"profile is missing"}},
		{"no such operation", lab.Request{Op: 9}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), []string{"operation 9"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := open(t, false).Serve(t.Context(), &c.req)
			body := string(got.Body)
			if got.Body = nil; got.Outcome != c.want.Outcome || got.Reason != c.want.Reason || got.Missing != c.want.Missing {
				t.Errorf("Serve() = %+v %s, want %+v", got, body, c.want)
			}
			for _, want := range c.body {
				if !strings.Contains(body, want) {
					t.Errorf("the body is %s, want it to hold %s", body, want)
				}
			}
		})
	}
}

func TestAJobIsAppliedOnce(t *testing.T) {
	r := open(t, false)
	req := &lab.Request{Op: profile.Submit, ID: 5, Body: []byte(`{"profile":7}`)}
	r.Serve(t.Context(), req)
	if got := string(r.Serve(t.Context(), req).Body); !strings.Contains(got, `"first":false`) {
		t.Errorf("the second delivery answers %s, want first false", got)
	}
	if key, result, err := r.store.Job(t.Context(), 5); err != nil || key != 7 || !json.Valid(result) {
		t.Errorf("Job(5) = %d, %s, %v; want 7 and a report", key, result, err)
	}
}

func TestReportsGoToTheProvider(t *testing.T) {
	r := open(t, true)
	r.Serve(t.Context(), &lab.Request{Op: profile.Report, Key: 1})
	r.Serve(t.Context(), &lab.Request{Op: profile.Read, Key: 1})
	if g, p := r.gate.Stats().Served, r.provider.Stats().Served; g != 1 || p != 1 {
		t.Errorf("gate served %d, provider %d; want 1 each", g, p)
	}
}

func TestTheGateDecides(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(t *testing.T, g *gate.Gate)
		req   lab.Request
		want  lab.Response
	}{
		{"errors", func(t *testing.T, g *gate.Gate) {
			if err := g.Error(1); err != nil {
				t.Fatal(err)
			}
		}, lab.Request{Key: 1}, lab.Refuse(lab.Failed, lab.ReasonFault, 0)},
		{"deadline", func(_ *testing.T, g *gate.Gate) { g.Hang(true) }, lab.Request{Key: 1, Deadline: time.Millisecond}, lab.Refuse(lab.Late, lab.ReasonDeadline, 0)},
		{"closed", func(_ *testing.T, g *gate.Gate) { g.Close() }, lab.Request{Key: 1}, lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, false)
			c.fault(t, r.gate)
			if got := r.Serve(t.Context(), &c.req); got.Outcome != c.want.Outcome || got.Reason != c.want.Reason {
				t.Errorf("Serve() = %v (%s), want %v (%s)", got.Outcome, got.Reason, c.want.Outcome, c.want.Reason)
			}
		})
	}
}

func TestAStoreFaultIsAFailure(t *testing.T) {
	r := open(t, false)
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.Serve(t.Context(), &lab.Request{Key: 1}); got.Outcome != lab.Failed || got.Reason != lab.ReasonFault {
		t.Errorf("Serve() on a closed store = %v (%s), want failed (fault)", got.Outcome, got.Reason)
	}
	if s := r.gate.Stats(); s.Failed != 1 || s.Busy != 0 {
		t.Errorf("the gate counts %d failed, %d busy; want 1 and 0", s.Failed, s.Busy)
	}
}

// full is a store whose disk is full: it reads, and cannot write.
type full struct{ *sqlite.Store }

func (full) UpdateProfile(context.Context, uint64, string) (int64, error) {
	return 0, fmt.Errorf("update profile 1: %w", store.ErrSpace)
}

func TestAFullDiskRefusesWritesAndServesReads(t *testing.T) {
	r := open(t, false)
	p, err := profile.New(profile.Deps{Store: full{r.store}, Gate: r.gate})
	if err != nil {
		t.Fatal(err)
	}
	got := p.Serve(t.Context(), &lab.Request{Key: 1, Op: profile.Update, Body: []byte(`{"bio":"x"}`)})
	if got.Outcome != lab.Shed || got.Reason != lab.ReasonSpace || !strings.Contains(string(got.Body), "free some space") || got.RetryAfter < time.Second {
		t.Errorf("a write on a full disk = %v (%s) %q after %v, want shed (disk_full), a sentence, and when to ask again", got.Outcome, got.Reason, got.Body, got.RetryAfter)
	}
	if got := p.Serve(t.Context(), &lab.Request{Key: 1}); got.Outcome != lab.OK || got.Missing || len(got.Body) == 0 {
		t.Errorf("a read on a full disk = %+v, want the profile", got)
	}
}

func TestOps(t *testing.T) {
	for i, op := range profile.Ops() {
		named := map[string]lab.Priority{"low": lab.Low, "normal": lab.Normal, "high": lab.High}
		if p, ok := named[op.Op.Priority]; !ok || p != op.Priority || op.Title == "" || op.Name == "" || op.Read != (op.Method == "GET") {
			t.Errorf("operation %d is %+v: priorities must agree, only GET reads, names must be there", i, op)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := profile.New(profile.Deps{})
	if err == nil || !strings.Contains(err.Error(), "Store") || !strings.Contains(err.Error(), "Gate") {
		t.Errorf("New(Deps{}) = %v, want an error that names Store and Gate", err)
	}
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"bio":"x"}`))
	f.Add([]byte(`{"profile":1}`))
	f.Add([]byte(`{"profile":1e99,"bio":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := open(t, false)
		for _, op := range []uint8{profile.Update, profile.Submit} {
			got := r.Serve(t.Context(), &lab.Request{Op: op, Key: 1, Body: body})
			if got.Outcome != lab.OK && got.Reason != lab.ReasonBad {
				t.Errorf("operation %d with body %q = %v (%s), want ok or failed (bad)", op, body, got.Outcome, got.Reason)
			}
		}
	})
}
