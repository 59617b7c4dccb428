package tape_test

import (
	"math"
	"testing"
	"time"

	"workbench/lab/scenario"
	"workbench/lab/tape"
	"workbench/sim/load"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// tenth returns one frame of a steady run: 20 users arrive, 15 are served after
// 30 ms, 3 are shed and 2 fail, with 25 tries of which 4 hit a cache.
func tenth(i int) load.Frame {
	var h stat.Hist
	h.RecordN(30*time.Millisecond, 15)
	f := load.Frame{T: time.Duration(i) * 100 * time.Millisecond, Offered: 20, Tries: 25, Retries: 5, Late: 1, Cached: 4, Inflight: 7,
		Reasons: map[string]uint64{"queue_full": 3}, Response: h.Delta(nil), Service: h.Delta(nil), Verdict: load.ServiceLimited,
		Victim: load.OpCount{Offered: 10, Good: 9}, ByOp: []load.OpCount{{Offered: 20, Good: 15}}}
	f.Outcomes[outcome.OK], f.Outcomes[outcome.Shed], f.Outcomes[outcome.Failed] = 14, 3, 2
	f.Outcomes[outcome.Stale] = 1
	f.ByTry[outcome.OK] = 16
	return f
}

func record(n int, t *tape.Tape) (last tape.Frame) {
	for i := 1; i <= n; i++ {
		last = t.Add(tenth(i), tape.Reading{Waiting: 12, Saturation: 0.5, Calls: uint64(18 * i), Version: 3, Gauges: map[string]float64{"queue.depth": 12}}, []string{"read"})
	}
	return last
}

func near(a, b, share float64) bool { return math.Abs(a-b) <= share*math.Abs(b)+1e-9 }

func TestFrameShowsRatesASecond(t *testing.T) {
	f := record(25, tape.New(9))
	for name, v := range map[string][2]float64{
		"t": {f.T, 2.5}, "run": {float64(f.Run), 9}, "version": {float64(f.Version), 3}, "offered": {f.Offered, 200}, "tries": {f.Tries, 250}, "good": {f.Good, 150},
		"shed": {f.Outcomes[outcome.Shed], 30}, "queue_full": {f.Reasons["queue_full"], 30}, "queue": {f.Queue, 12}, "saturation": {f.Saturation, 0.5},
		"calls": {f.Calls, 180}, "hit share": {f.HitShare, 0.25}, "smoothed depth": {f.Gauges["queue.depth"], 12}, "inflight": {f.Inflight, 7},
	} {
		if !near(v[0], v[1], 1e-9) {
			t.Errorf("%s = %v, want %v", name, v[0], v[1])
		}
	}
	if !near(f.P50, 30, 1./32) || !near(f.P99, 30, 1./32) || !near(f.Service99, 30, 1./32) {
		t.Errorf("p50 %v, p99 %v, service p99 %v; want 30 ms each, within a histogram cell", f.P50, f.P99, f.Service99)
	}
}

func TestReportSumsTheRun(t *testing.T) {
	tp := tape.New(1)
	record(35, tp)
	var r scenario.Report
	tp.Fill(&r)
	if r.Offered != 700 || r.Sent != 875 || r.Outcomes["ok"] != 490 || r.Outcomes["stale"] != 35 || r.Outcomes["failed"] != 70 || r.Reasons["queue_full"] != 105 {
		t.Errorf("report sums %+v, want offered 700, sent 875, ok 490, stale 35, failed 70, queue_full 105", r)
	}
	if !near(r.GoodputShare, 0.75, 1e-9) || !near(r.LateShare, 35./700, 1e-9) || r.Verdict != load.ServiceLimited || !near(r.LatencyMS.P95, 30, 1./32) {
		t.Errorf("goodput %v, late %v, verdict %v, p95 %v; want .75, .05, service, 30", r.GoodputShare, r.LateShare, r.Verdict, r.LatencyMS.P95)
	}
	if len(r.Series) != 3 {
		t.Fatalf("%d points for 3.5 s, want the 3 whole seconds", len(r.Series))
	}
	p := r.Series[2]
	if p.T != 3 || p.Offered != 200 || p.Good != 150 || p.Tries != 250 || p.Calls != 180 || !near(p.Queue, 12, 1e-9) || !near(p.VictimGood, 0.9, 1e-9) || !near(p.ByOp["read"], 0.75, 1e-9) || p.Outcomes["shed"] != 30 {
		t.Errorf("third second %+v, want 200 offered, 150 good, 250 tries, 180 calls, 12 waiting, victims .9, read .75, shed 30", p)
	}
}

func TestEventIsCountedFromItsBegin(t *testing.T) {
	tp := tape.New(1)
	record(20, tp)
	tp.Begin()
	for i := 21; i <= 50; i++ {
		tp.Add(tenth(i), tape.Reading{}, nil)
	}
	var r scenario.Report
	tp.FillEvent(&r, 2*time.Second)
	if r.Offered != 600 || len(r.Series) != 3 || r.Series[0].T != 1 || r.Series[2].T != 3 {
		t.Errorf("event has %d users and points %+v, want 600 users and points at 1, 2, 3", r.Offered, r.Series)
	}
}

func TestGeneratorsVerdictNeedsMoreThanAHiccup(t *testing.T) {
	for _, c := range []struct {
		bad  int
		want load.Verdict
	}{{0, load.Unlimited}, {1, load.ServiceLimited}, {4, load.ServiceLimited}, {5, load.GeneratorLimited}} {
		tp := tape.New(1)
		for i := 1; i <= 400; i++ {
			f := tenth(i)
			f.Verdict = load.Unlimited
			if i <= c.bad*10 {
				f.Verdict = load.GeneratorLimited
			}
			tp.Add(f, tape.Reading{}, nil)
		}
		var r scenario.Report
		tp.Fill(&r)
		if r.Verdict != c.want {
			t.Errorf("%d of 40 seconds spoiled: verdict %q, want %q", c.bad, r.Verdict, c.want)
		}
	}
}

// Frames end when they end: some milliseconds late, or late by more and then
// standing for two. Seconds stay seconds, and rates stay rates: the first frame
// alone is 3 ms too long.
func TestLateAndMergedFrames(t *testing.T) {
	tp := tape.New(1)
	var last tape.Frame
	for i := 1; i <= 30; i++ {
		f := tenth(i)
		f.T += 3 * time.Millisecond
		if i%10 == 4 {
			continue // its reader was slow: the next stands for both
		}
		if i%10 == 5 {
			f.Add(tenth(i - 1))
			f.T = time.Duration(i)*100*time.Millisecond + 3*time.Millisecond
		}
		last = tp.Add(f, tape.Reading{Waiting: 12}, nil)
		if !near(last.Offered, 200, 0.03) || !near(last.Outcomes[outcome.Shed], 30, 0.03) {
			t.Errorf("frame %d shows %v/s offered and %v/s shed, want 200 and 30", i, last.Offered, last.Outcomes[outcome.Shed])
		}
	}
	var r scenario.Report
	tp.Fill(&r)
	if len(r.Series) != 3 {
		t.Fatalf("%d points for 3 s, want 3", len(r.Series))
	}
	for i, p := range r.Series {
		if p.T != float64(i+1) || !near(p.Offered, 200, 0.004) || !near(p.Queue, 12, 1e-9) {
			t.Errorf("point %d at %v with %v offered and %v waiting, want %d, 200 and 12", i, p.T, p.Offered, p.Queue, i+1)
		}
	}
}

func TestTrimCutsAtTheEndOfTheRun(t *testing.T) {
	r := scenario.Report{DurationS: 9, Series: []scenario.Point{{T: 1}, {T: 2}, {T: 3}, {T: 4}}}
	tape.Trim(&r, 3*time.Second)
	if len(r.Series) != 3 || r.DurationS != 3 {
		t.Errorf("Trim to 3 s leaves %d points and %v s, want 3 and 3", len(r.Series), r.DurationS)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	tp := tape.New(1)
	record(700, tp)
	h := tp.History()
	if len(h) != 600 || h[599].T != 70 || h[0].T != 10.1 {
		t.Errorf("history of %d frames from %v to %v, want 600 from 10.1 to 70", len(h), h[0].T, h[len(h)-1].T)
	}
}
