package login_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/login"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

type rig struct {
	*login.Service
	gate   *gate.Gate
	clock  *clock.Manual
	counts counts
}

type counts map[string]*lab.Counters

func newCounts() counts {
	out := counts{}
	for _, p := range login.Kind().Choices {
		out[p.Name] = lab.NewCounters()
	}
	return out
}

func (c counts) of(name string) *lab.Counters { return c[name] }

func open(t *testing.T) *rig {
	t.Helper()
	tables, err := sqlite.OpenTables(t.Context(), filepath.Join(t.TempDir(), "login.db"), login.Schema, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tables.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	r := &rig{clock: &clock.Manual{}, counts: newCounts()}
	if r.gate, err = gate.New(gate.Spec{Slots: 8}, clock.NewWall(), dist.New(1, "gate")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.gate.Close)
	r.Service, err = login.New(t.Context(), login.Deps{
		Write: tables.Write, Read: tables.Read, Explain: sqlite.Explain, Gates: system.Gates{Gate: r.gate}, Clock: r.clock,
		Key: []byte("sixteen bytes at least"), Counters: r.counts.of,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// choose sets choices on a request as the chain does.
func choose(t *testing.T, req *lab.Request, on ...string) *lab.Request {
	t.Helper()
	for _, p := range login.Kind().Choices {
		if !slices.Contains(on, p.Name) {
			continue
		}
		k, err := p.Settings(nil)
		if err != nil {
			t.Fatal(err)
		}
		live, err := p.New(lab.Env{Counters: lab.NewCounters(), Clock: clock.NewWall()}, k)
		if err != nil {
			t.Fatal(err)
		}
		live.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response { *req = *r; return lab.Response{} }), lab.On).Serve(t.Context(), req)
	}
	return req
}

func request(op uint8, key uint64) *lab.Request {
	r := &lab.Request{Op: op, Key: key}
	switch op {
	case login.Login:
		r.Body = fmt.Appendf(nil, `{"password":"password of %d"}`, key)
	case login.Guess:
		r.Body = []byte(`{"password":"123456"}`)
	}
	return r
}

// status is the HTTP status of an answer, 200 where it does not say.
func status(res lab.Response) int {
	switch {
	case res.Missing:
		return 404
	case res.Status == 0:
		return 200
	}
	return res.Status
}

func TestServe(t *testing.T) {
	for _, c := range []struct {
		name string
		reqs []*lab.Request
		on   []string
		want int // of the last
	}{
		{"the right password", []*lab.Request{request(login.Login, 7)}, nil, 201},
		{"a wrong one", []*lab.Request{request(login.Guess, 7)}, nil, 401},
		{"an account that is not there answers like a wrong password", []*lab.Request{request(login.Guess, login.Accounts+1)}, nil, 401},
		{"a lucky guess", []*lab.Request{{Op: login.Guess, Key: 7, Body: []byte(`{"password":"password of 7"}`)}}, nil, 201},
		{"devices begin signed in", []*lab.Request{request(login.Check, 7)}, nil, 200},
		{"after signing out", []*lab.Request{request(login.Logout, 7), request(login.Check, 7)}, nil, 401},
		{"a renewal after signing out", []*lab.Request{request(login.Logout, 7), request(login.Renew, 7)}, nil, 401},
		{"signing in again", []*lab.Request{request(login.Logout, 7), request(login.Login, 7), request(login.Check, 7)}, nil, 200},
		{"a stolen token is as good as the device's", []*lab.Request{request(login.Renew, 7), request(login.Replay, 7)}, nil, 200},
		{"a stolen token that was renewed", []*lab.Request{request(login.Renew, 7), request(login.Replay, 7)}, []string{"rotation"}, 401},
		{"and the owner's session is over", []*lab.Request{request(login.Renew, 7), request(login.Replay, 7), request(login.Renew, 7)}, []string{"rotation"}, 401},
		{"there was no token before the first", []*lab.Request{request(login.Replay, 7), request(login.Renew, 7)}, []string{"rotation"}, 200},
		{"a signature is believed after signing out", []*lab.Request{request(login.Renew, 7), request(login.Logout, 7), request(login.Check, 7)}, []string{"signed"}, 200},
		{"a session of nobody", []*lab.Request{request(login.Check, login.Accounts+1)}, nil, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t)
			var res lab.Response
			for _, req := range c.reqs {
				res = r.Serve(t.Context(), choose(t, req, c.on...))
			}
			if got := status(res); res.Outcome != lab.OK || got != c.want {
				t.Errorf("the last answer is %v, %d %s; want ok, %d", res.Outcome, got, res.Body, c.want)
			}
		})
	}
}

func TestASignatureIsBelievedForItsTimeOnly(t *testing.T) {
	r := open(t)
	r.Serve(t.Context(), request(login.Renew, 7))
	r.clock.At = 6 * time.Minute
	if res := r.Serve(t.Context(), choose(t, request(login.Check, 7), "signed")); status(res) != 401 {
		t.Errorf("a token of six minutes ago is answered with %d, want 401", status(res))
	}
}

// The live service and virtual time answer and count alike, whatever comes.
func TestModelAgrees(t *testing.T) {
	for _, on := range [][]string{nil, {"rotation"}, {"signed"}, {"rotation", "signed"}} {
		t.Run(strings.Join(on, " and "), func(t *testing.T) {
			r := open(t)
			counted := newCounts()
			m := login.Kind().Model(counted.of)
			draws := dist.New(7, "requests")
			for n := range 300 {
				r.clock.At = time.Duration(n) * 3 * time.Second
				req := choose(t, request(uint8(draws.IntN(6)), 1+draws.IntN(5)), on...)
				live, virtual := r.Serve(t.Context(), req), m.Served(r.clock.At, req)
				if live.Outcome != lab.OK || status(live) != status(virtual) {
					t.Fatalf("request %d, operation %d on account %d: live %v %d, in virtual time %d", n, req.Op, req.Key, live.Outcome, status(live), status(virtual))
				}
			}
			for _, choice := range []string{"rotation", "signed"} {
				if a, b := r.counts[choice].All(), counted[choice].All(); fmt.Sprint(a) != fmt.Sprint(b) {
					t.Errorf("%s: live counts %v, virtual time %v", choice, a, b)
				}
			}
			if all := counted["rotation"].All(); slices.Contains(on, "rotation") != (all["reuse_detected"] > 0) || slices.Contains(on, "rotation") != (all["stolen_accepted"] == 0) {
				t.Errorf("with %v: %v, want thefts noticed with rotation and accepted without", on, all)
			}
			if all := counted["signed"].All(); slices.Contains(on, "signed") != (all["revoked_accepted"] > 0) {
				t.Errorf("with %v: %v, want ended sessions believed with signatures alone", on, all)
			}
		})
	}
}

func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name string
		req  *lab.Request
		on   []string
		want uint64
	}{
		{"a password", request(login.Login, 7), nil, 11},
		{"a guess takes as long", request(login.Guess, 7), nil, 11},
		{"of nobody too", request(login.Guess, login.Accounts+9), nil, 11},
		{"a renewal", request(login.Renew, 7), nil, 1},
		{"a check", request(login.Check, 7), nil, 1},
		{"a check of a signature", request(login.Check, 7), []string{"signed"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t)
			res := r.Serve(t.Context(), choose(t, c.req, c.on...))
			if got := r.gate.Stats().Served; res.Outcome != lab.OK || got != c.want || login.Kind().Calls(c.req) != int(c.want) {
				t.Errorf("%v after %d calls, the kind says %d, want ok after %d", res.Outcome, got, login.Kind().Calls(c.req), c.want)
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
		{"no JSON", lab.Request{Op: login.Login, Key: 1, Body: []byte("password=x")}, `{"password":"…"}`},
		{"no password", lab.Request{Op: login.Login, Key: 1, Body: []byte(`{}`)}, "password is missing"},
		{"too long", lab.Request{Op: login.Guess, Key: 1, Body: []byte(`{"password":"` + strings.Repeat("x", 201) + `"}`)}, "201 bytes"},
		{"no operation", lab.Request{Op: 9}, "operation 9"},
	} {
		if res := r.Serve(t.Context(), &c.req); res.Outcome != lab.Failed || res.Reason != lab.ReasonBad || !strings.Contains(string(res.Body), c.want) {
			t.Errorf("%s: %v (%s) %s, want failed (bad) and %q", c.name, res.Outcome, res.Reason, res.Body, c.want)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := login.New(t.Context(), login.Deps{})
	for _, want := range []string{"Write", "Read", "Explain", "Gates.Gate", "Clock", "Key", "Counters"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(Deps{}) = %v, want an error that names %s", err, want)
		}
	}
}

// attempts returns the limit's pattern.
func attempts(t *testing.T) lab.Pattern {
	t.Helper()
	for _, p := range login.Kind().Choices {
		if p.Name == "attempts" {
			return p
		}
	}
	t.Fatal("there is no limit on attempts")
	return lab.Pattern{}
}

func TestAttemptsConformance(t *testing.T) { patterntest.Run(t, attempts(t)) }

func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		name   string
		ask    func(n int) lab.Request
		want   int // admitted of 40 within a second
		reason lab.Reason
	}{
		{"one address tries many accounts", func(n int) lab.Request { return lab.Request{Op: login.Guess, IP: 1, Key: uint64(n)} }, 10, login.ReasonAddress},
		{"many addresses try one account", func(n int) lab.Request { return lab.Request{Op: login.Guess, IP: uint64(n), Key: 1} }, 10, login.ReasonAccount},
		{"many try many", func(n int) lab.Request { return lab.Request{Op: login.Login, IP: uint64(n), Key: uint64(n)} }, 40, ""},
		{"renewals are no attempts", func(int) lab.Request { return lab.Request{Op: login.Renew, IP: 1, Key: 1} }, 40, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := attempts(t)
			k, err := p.Settings(nil)
			if err != nil {
				t.Fatal(err)
			}
			counters := lab.NewCounters()
			now := &clock.Manual{}
			live, err := p.New(lab.Env{Counters: counters, Clock: now}, k)
			if err != nil {
				t.Fatal(err)
			}
			h := live.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
			good := 0
			for n := range 40 {
				now.At = time.Duration(n) * 10 * time.Millisecond
				req := c.ask(n + 1)
				if res := h.Serve(t.Context(), &req); res.Outcome.Good() {
					good++
				} else if res.Outcome != lab.Limited || res.Reason != c.reason || res.RetryAfter <= 0 {
					t.Fatalf("refused with %+v, want limited (%s) and when to come again", res, c.reason)
				}
			}
			if good != c.want {
				t.Errorf("%d of 40 admitted, want %d", good, c.want)
			}
			all := counters.All()
			if refused := all["limited_address"] + all["limited_account"]; refused != uint64(40-c.want) {
				t.Errorf("counted %v, want %d refused", all, 40-c.want)
			}
		})
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"password":"x"}`), uint64(3))
	f.Add([]byte(`{"password":null}`), uint64(0))
	f.Fuzz(func(t *testing.T, body []byte, key uint64) {
		r := open(t)
		for op := range uint8(7) {
			if res := r.Serve(t.Context(), &lab.Request{Op: op, Key: key, Body: body}); !res.Outcome.Good() && res.Reason != lab.ReasonBad {
				t.Errorf("operation %d on %d with %q = %v (%s), want ok or failed (bad)", op, key, body, res.Outcome, res.Reason)
			}
		}
	})
}
