package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// table is an engine that looks its figures up: by default it answers all its
// users after as many milliseconds as each takes.
type table struct {
	name    string
	p50     float64
	users   uint64
	fail    error
	verdict load.Verdict
	asked   *[]string
}

func (e table) Can(scenario.Spec) error     { return nil }
func (e table) Close(context.Context) error { return nil }

func (e table) Run(_ context.Context, spec scenario.Spec, o runOptions, _ watcher) (scenario.Report, error) {
	*e.asked = append(*e.asked, fmt.Sprintf("%s %s seed %d scale %g rtt %v", e.name, spec.Name, o.Seed, o.Scale, spec.Gate.RTT))
	scale := o.Scale
	if scale == 0 {
		scale = spec.LiveScale
	}
	rep := scenario.Report{
		Scenario: spec.Name, Engine: e.name, Scale: scale, Offered: e.users, GoodputShare: 1, Verdict: e.verdict,
		Outcomes:  map[string]uint64{"ok": e.users},
		LatencyMS: scenario.Latency{P50: e.p50 + spec.Gate.RTT.Seconds()*1e3, P90: 40, P99: 90 + spec.Gate.RTT.Seconds()*1e3},
	}
	return rep, e.fail
}

// meetingOf returns a program whose engines are tables.
func meetingOf(real, virtual, theory table) (*bench, *[]string) {
	b := newBench()
	asked := &[]string{}
	b.parts.engines = nil
	for _, e := range []table{real, virtual, theory} {
		e.asked = asked
		b.parts.engines = append(b.parts.engines, engineKind{name: e.name, open: func(context.Context, *program) (engine, error) { return e, nil }})
	}
	return b, asked
}

func TestAgreeCalibratesAndCompares(t *testing.T) {
	b, asked := meetingOf(table{name: "live", p50: 16, users: 6000}, table{name: "virtual", p50: 14, users: 6000}, table{name: "theory", p50: 15, users: 6000})
	if code := b.call(t.Context(), "agree", "--seed=3", "--full=50"); code != exitOK {
		t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
	}
	inOrder(t, "stdout", b.stdout.String(), []string{
		"costs this machine 2.00 ms", "load-half  live     0.4", "load-half  virtual  0.4", "+0.0 %", "✓", "load-half  theory   0.4", "+6.2 %", "load-half  virtual  50", "load-over",
	})
	want := []string{"live load-half seed 1000003 scale 0.4 rtt 0s", "virtual load-half seed 1000003 scale 0.4 rtt 0s", "live load-half seed 3 scale 0 rtt 0s", "virtual load-half seed 3 scale 0.4 rtt 2ms", "theory load-half seed 3 scale 0.4 rtt 2ms", "virtual load-half seed 3 scale 50 rtt 2ms"}
	if got := (*asked)[:len(want)]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAgreeSaysWhatDoesNot(t *testing.T) {
	edge := strings.NewReplacer("rate: 100}", "rate: 198}", "rate: 300}", "rate: 198}").Replace(mine)
	for _, tt := range []struct {
		name           string
		real, virtual  table
		theory         table
		args           []string
		code           int
		stdout, stderr string
	}{
		{"too few to calibrate", table{users: 4999}, table{}, table{}, nil, exitFailed, "", "too few answers to calibrate from"},
		{"a generator that was late", table{users: 6000, verdict: load.GeneratorLimited}, table{}, table{}, nil, exitFailed, "", "not to be trusted"},
		{"apart", table{p50: 10, users: 6000}, table{p50: 14, users: 6000}, table{users: 1}, nil, exitFailed, "✗", "do not agree"},
		{"no closed form", table{p50: 14, users: 6000}, table{p50: 14, users: 6000}, table{fail: fmt.Errorf("a tie: %w", formula.ErrNone)}, nil, exitOK, "load-half: a tie: there is no closed form", ""},
		{"at the edge", table{p50: 14, users: 6000}, table{p50: 14, users: 6000}, table{users: 1}, []string{file(t, edge)}, exitOK, "no verdict between 95 and 105 %", ""},
		{"a scale that is none", table{}, table{}, table{}, []string{"--full=0"}, exitUsage, "", "flag --full: got 0"},
		{"no such scenario", table{}, table{}, table{}, []string{"metastabel"}, exitUsage, "", "unknown scenario"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.real.name, tt.virtual.name, tt.theory.name = "live", "virtual", "theory"
			b, _ := meetingOf(tt.real, tt.virtual, tt.theory)
			code := b.call(t.Context(), append([]string{"agree"}, tt.args...)...)
			if code != tt.code || !strings.Contains(b.stdout.String(), tt.stdout) || !strings.Contains(b.stderr.String(), tt.stderr) {
				t.Errorf("agree = %d with %q and %q, want %d, %q and %q", code, b.stdout.String(), b.stderr.String(), tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestAgreeJSON(t *testing.T) {
	b, _ := meetingOf(table{name: "live", p50: 16, users: 6000}, table{name: "virtual", p50: 14, users: 6000}, table{name: "theory", p50: 15, users: 6000})
	if code := b.call(t.Context(), "agree", "--json"); code != exitOK {
		t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
	}
	var got []agreement
	if err := json.Unmarshal(b.stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || !got[2].OK || got[2].CostMS != 2 || len(got[2].Rows) != 4 || !got[2].Rows[0].Reference || got[2].Rows[3].Scale != 1 {
		t.Errorf("agree --json = %+v", got)
	}
}
