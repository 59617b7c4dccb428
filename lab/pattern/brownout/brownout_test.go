package brownout_test

import (
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/brownout"
	"workbench/lab/pattern/patterntest"
)

const ms = time.Millisecond

func dimmer(t testing.TB, change func(*brownout.Knobs)) *brownout.Dimmer {
	t.Helper()
	return patterntest.Core(t, brownout.New, brownout.Defaults(), change)
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, brownout.New, brownout.Defaults(), map[string]func(*brownout.Knobs){
		"target":   func(k *brownout.Knobs) { k.Target = 0 },
		"quantile": func(k *brownout.Knobs) { k.Quantile = 1 },
		"every":    func(k *brownout.Knobs) { k.Every = 0 },
		"gain":     func(k *brownout.Knobs) { k.Gain = 2 },
		"least":    func(k *brownout.Knobs) { k.Least = -1 },
	})
}

// What one period of 100 ms does to a dimmer of half.
func TestMove(t *testing.T) {
	for _, c := range []struct {
		name    string
		took    []time.Duration
		outcome lab.Outcome
		stuck   bool
		want    float64
	}{
		{"on target", []time.Duration{200 * ms}, lab.OK, false, 0.5},
		{"half of it", []time.Duration{100 * ms}, lab.OK, false, 0.55},
		{"half more", []time.Duration{300 * ms}, lab.OK, false, 0.45},
		{"twice", []time.Duration{400 * ms}, lab.OK, false, 0.4},
		{"however long, no farther", []time.Duration{40 * time.Second}, lab.OK, false, 0.4},
		{"late counts", []time.Duration{400 * ms}, lab.Late, false, 0.4},
		{"a failure says nothing", []time.Duration{400 * ms}, lab.Failed, false, 0.6},
		{"nobody came", nil, lab.OK, false, 0.6},
		{"nobody comes out", nil, lab.OK, true, 0.4},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := dimmer(t, func(k *brownout.Knobs) { k.Target, k.Every, k.Gain = 200*ms, 100*ms, 0.1 })
			d.Enter(0, 0)
			for now := time.Duration(1); now < 501*ms; now += 100 * ms { // five periods in which nobody comes out
				d.Enter(now, 0)
				d.Leave(now, 0, lab.Failed)
			}
			if share, _ := d.Share(); share < 0.499 || share > 0.501 {
				t.Fatalf("after five slow periods the share is %v, want 0.5", share)
			}
			if !c.stuck {
				d.Leave(501*ms, 0, lab.Failed)
			}
			for _, took := range c.took {
				d.Enter(510*ms, 0)
				d.Leave(510*ms, 510*ms-took, c.outcome)
			}
			d.Enter(605*ms, 0)
			if share, _ := d.Share(); share < c.want-0.005 || share > c.want+0.005 { // a histogram's cell is within 1 %
				t.Errorf("share = %v, want %v", share, c.want)
			}
		})
	}
}

func FuzzShare(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 9, 250}, uint8(10), uint8(30))
	f.Fuzz(func(t *testing.T, moves []byte, least, gain uint8) {
		lowest := float64(least%101) / 100
		d := dimmer(t, func(k *brownout.Knobs) { k.Least, k.Gain = lowest, float64(gain%100+1)/100 })
		now := time.Duration(0)
		var inside []time.Duration
		for _, m := range moves {
			now += time.Duration(m) * 5 * ms
			if m%2 == 0 || len(inside) == 0 {
				whole := d.Enter(now, 0.999999)
				if share, _ := d.Share(); whole != (share > 0.999999) {
					t.Fatalf("Enter = %v at a share of %v", whole, share)
				}
				inside = append(inside, now)
			} else {
				d.Leave(now, inside[0], lab.OK)
				inside = inside[1:]
			}
			if share, _ := d.Share(); !(share >= lowest && share <= 1) {
				t.Fatalf("share = %v, want %v to 1", share, lowest)
			}
		}
		for _, entered := range inside {
			d.Leave(now, entered, lab.Failed)
		}
		d.Enter(now+time.Hour, 0)
		if share, _ := d.Share(); share != 1 {
			t.Errorf("after an hour of nobody the share is %v, want 1", share)
		}
	})
}

// part is the optional part of operation 1.
func part() brownout.Part {
	return brownout.Part{System: "test", Place: 2, Has: func(r *lab.Request) bool { return r.Op == 1 }}
}

func TestConformance(t *testing.T) { patterntest.Run(t, brownout.Pattern(part())) }

func TestTwins(t *testing.T) {
	for name, knobs := range map[string]map[string]any{
		"defaults": nil, "a low target": {"target": "30ms"}, "quick": {"target": "20ms", "every": "50ms", "gain": 1, "quantile": 0.5}, "some always": {"target": "5ms", "least": 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			patterntest.Twin(t, brownout.Pattern(part()), knobs, patterntest.Poisson(3, 3000, 300, 20*ms))
			_, counts := patterntest.Virtual(t, brownout.Pattern(part()), knobs, patterntest.Poisson(3, 3000, 300, 20*ms))
			if reduced := counts["reduced"]; name != "defaults" && reduced == 0 || counts["whole"] == 0 {
				t.Errorf("counters %v, want some of both", counts)
			}
		})
	}
}
