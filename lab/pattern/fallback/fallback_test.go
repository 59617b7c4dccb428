package fallback_test

import (
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/fallback"
	"workbench/lab/pattern/patterntest"
)

const ms = time.Millisecond

func ladder(t testing.TB, change func(*fallback.Knobs)) *fallback.Ladder {
	t.Helper()
	return patterntest.Core(t, fallback.New, fallback.Defaults(), change)
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, fallback.New, fallback.Defaults(), map[string]func(*fallback.Knobs){
		"copy_age": func(k *fallback.Knobs) { k.CopyAge = -1 },
	})
}

func TestDecide(t *testing.T) {
	young := lab.Response{Outcome: lab.Stale, Age: time.Minute, Body: []byte("copy")}
	old := lab.Response{Outcome: lab.Stale, Age: time.Hour, Body: []byte("copy")}
	down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
	read := lab.Request{Read: true}
	all := func(*fallback.Knobs) {}
	noDefault := func(k *fallback.Knobs) { k.Default = false }
	for _, c := range []struct {
		name   string
		change func(*fallback.Knobs)
		r      lab.Request
		res    lab.Response
		simple bool
		want   fallback.Step
	}{
		{"fresh", all, read, lab.Response{}, true, fallback.Real},
		{"not there", all, read, lab.Response{Missing: true}, true, fallback.Real},
		{"a young copy", all, read, young, true, fallback.Copy},
		{"at the age", func(k *fallback.Knobs) { k.CopyAge = time.Minute }, read, young, true, fallback.Copy},
		{"the default before an old copy", all, read, old, true, fallback.Default},
		{"no copy comes first", func(k *fallback.Knobs) { k.CopyAge = 0 }, read, young, true, fallback.Default},
		{"an old copy, the service has no default", all, read, old, false, fallback.OldCopy},
		{"an old copy, the default is off", noDefault, read, old, true, fallback.OldCopy},
		{"nothing but an old copy, which is off", func(k *fallback.Knobs) { k.Default, k.OldCopy = false, false }, read, old, true, fallback.Error},
		{"down", all, read, down, true, fallback.Default},
		{"late", all, read, lab.Refuse(lab.Late, lab.ReasonDeadline, 0), true, fallback.Default},
		{"down, no default", noDefault, read, down, true, fallback.Error},
		{"shed", all, read, lab.Refuse(lab.Shed, lab.ReasonBacklog, 1), true, fallback.Default},
		{"shed, refusals are not covered", func(k *fallback.Knobs) { k.Refused = false }, read, lab.Refuse(lab.Shed, lab.ReasonBacklog, 1), true, fallback.Real},
		{"the service stops", all, read, lab.Refuse(lab.Shed, lab.ReasonShutdown, 1), true, fallback.Real},
		{"over its quota", all, read, lab.Refuse(lab.Limited, "rate", 1), true, fallback.Real},
		{"wrong by itself", all, read, lab.Refuse(lab.Failed, lab.ReasonBad, 0), true, fallback.Real},
		{"a write", all, lab.Request{}, down, true, fallback.Real},
		{"the reader has left", all, lab.Request{Read: true, Patience: 5}, down, true, fallback.Error},
	} {
		if got := ladder(t, c.change).Decide(5, &c.r, &c.res, c.simple); got != c.want {
			t.Errorf("%s: Decide = %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzAnswer: whatever comes from below, a fallback never passes as fresh, and
// what is fresh is never touched.
func FuzzAnswer(f *testing.F) {
	f.Add(uint8(1), int64(1), true, true, true, true)
	f.Fuzz(func(t *testing.T, outcome uint8, age int64, simple, byDefault, oldCopy, read bool) {
		if outcome > uint8(lab.Failed) || age < 0 {
			t.Skip()
		}
		l := ladder(t, func(k *fallback.Knobs) { k.Default, k.OldCopy = byDefault, oldCopy })
		res := lab.Response{Outcome: lab.Outcome(outcome), Age: time.Duration(age)}
		step := l.Decide(0, &lab.Request{Read: read}, &res, simple)
		out := fallback.Answer(step, res, []byte("simpler"))
		if (out.Outcome == lab.OK) != (res.Outcome == lab.OK) || step == fallback.Real && (out.Outcome != res.Outcome || out.Default) {
			t.Errorf("%+v became %+v by step %d", res, out, step)
		}
		if out.Default && (out.Outcome != lab.Stale || !read || !byDefault || !simple) {
			t.Errorf("%+v became the default %+v", res, out)
		}
		if share := l.Share(); share != 0 && share != 1.0/128 || (share > 0) != (step != fallback.Real) {
			t.Errorf("share %v after step %d", share, step)
		}
	})
}

// outage fails in its middle, with copies of all ages for some.
func outage(seed uint64) []patterntest.Arrival {
	trace := patterntest.Poisson(seed, 1500, 500, 20*ms)
	for i := range trace {
		switch {
		case i < 300 || i > 1200:
		case i%3 == 0:
			trace[i].Answers = []lab.Response{{Outcome: lab.Stale, Age: time.Duration(i) * time.Second, Body: []byte("copy")}}
		case i%5 == 0:
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Shed, lab.ReasonBacklog, time.Second)}
		default:
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Failed, lab.ReasonDown, 0)}
		}
		if i%17 == 0 {
			trace[i].Request.Patience = trace[i].At + 10*ms
		}
	}
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, fallback.Pattern(), outage(3)) }

func TestTwins(t *testing.T) {
	for name, knobs := range map[string]map[string]any{
		"all": nil, "no default": {"default": false}, "no copies first": {"copy_age": "0s"}, "young copies alone": {"old_copy": false, "default": false}, "failures alone": {"refused": false},
	} {
		t.Run(name, func(t *testing.T) {
			defaults := 0
			for i, r := range patterntest.Twin(t, fallback.Pattern(), knobs, outage(5)) {
				if r.Response.Default {
					defaults++
					if string(r.Response.Body) != "simpler" || r.Response.Outcome != lab.Stale {
						t.Errorf("request %d: default %+v, want the simpler answer as stale", i+1, r.Response)
					}
				}
			}
			if off := knobs["default"] == false; off != (defaults == 0) {
				t.Errorf("%d defaults, want some unless they are off", defaults)
			}
		})
	}
}
