package arrival_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"workbench/sim/arrival"
)

const second = time.Second

func TestShapeRateAt(t *testing.T) {
	flash := arrival.Shape{Kind: arrival.Flash, Rate: 100, Factor: 8, At: 10 * second, Rise: 6 * second, HalfLife: 4 * second}
	day := arrival.Shape{Kind: arrival.Diurnal, Rate: 100, Amplitude: 0.5, Period: 24 * second}
	saw := arrival.Shape{Kind: arrival.Sawtooth, Rate: 100, Factor: 3, Period: 10 * second}
	trace := arrival.Shape{Kind: arrival.Trace, Bin: 2 * second, Bins: []float64{10, 0, 30}}
	spike := arrival.Shape{Kind: arrival.Spike, Rate: 10, Factor: 5, At: 3 * second, Hold: 2 * second}
	step := arrival.Shape{Kind: arrival.Step, Rate: 10, Factor: 0.5, At: 3 * second}
	ramp := arrival.Shape{Kind: arrival.Ramp, Rate: 10, To: 110}
	cases := []struct {
		name  string
		shape arrival.Shape
		at    time.Duration
		want  float64
	}{
		{"zero value", arrival.Shape{}, second, 0},
		{"no kind is steady", arrival.Shape{Rate: 7}, second, 7},
		{"steady", arrival.Shape{Kind: arrival.Steady, Rate: 7}, 99 * second, 7},
		{"before the start", ramp, -second, 10},
		{"ramp begins", ramp, 0, 10},
		{"ramp half way", ramp, 50 * second, 60},
		{"ramp ends", ramp, 100 * second, 110},
		{"ramp goes on", ramp, 200 * second, 110},
		{"step before", step, 3*second - 1, 10},
		{"step after", step, 3 * second, 5},
		{"spike before", spike, 3*second - 1, 10},
		{"spike on", spike, 3 * second, 50},
		{"spike last", spike, 5*second - 1, 50},
		{"spike over", spike, 5 * second, 10},
		{"flash before", flash, 10*second - 1, 100},
		{"flash a third up", flash, 12 * second, 200},
		{"flash two thirds up", flash, 14 * second, 400},
		{"flash peak", flash, 16 * second, 800},
		{"flash one half-life on", flash, 20 * second, 450},
		{"flash two half-lives on", flash, 24 * second, 275},
		{"flash long gone", flash, time.Hour, 100},
		{"diurnal begins", day, 0, 100},
		{"diurnal peak", day, 6 * second, 150},
		{"diurnal trough", day, 18 * second, 50},
		{"diurnal next day", day, 30 * second, 150},
		{"sawtooth begins", saw, 0, 100},
		{"sawtooth half", saw, 5 * second, 200},
		{"sawtooth falls back", saw, 10 * second, 100},
		{"trace first bin", trace, second, 5},
		{"trace empty bin", trace, 2 * second, 0},
		{"trace last bin", trace, 5 * second, 15},
		{"trace goes on", trace, time.Minute, 15},
	}
	for _, c := range cases {
		if got := c.shape.RateAt(c.at, 100*second); math.Abs(got-c.want) > 2e-4*c.want {
			t.Errorf("%s: RateAt(%v) = %v, want %v", c.name, c.at, got, c.want)
		}
	}
}

// Curved shapes are followed by chords; nowhere may they leave their curve by
// more than one in 5,000 of the rate, or of the mean rate for the diurnal.
func TestChordsStayOnTheirCurve(t *testing.T) {
	flash := arrival.Shape{Kind: arrival.Flash, Rate: 100, Factor: 3750, At: second, Rise: 7 * second, HalfLife: 3 * second}
	day := arrival.Shape{Kind: arrival.Diurnal, Rate: 100, Amplitude: 0.9, Period: 17 * second}
	cases := []struct {
		name  string
		shape arrival.Shape
		curve func(t float64) float64
	}{
		{"flash", flash, func(x float64) float64 {
			switch {
			case x < 1:
				return 100
			case x < 8:
				return 100 * math.Pow(3750, (x-1)/7)
			}
			return 100 * (1 + 3749*math.Exp2(-(x-8)/3))
		}},
		{"diurnal", day, func(x float64) float64 { return 100 * (1 + 0.9*math.Sin(2*math.Pi*x/17)) }},
	}
	for _, c := range cases {
		for at := time.Duration(0); at < 40*second; at += 1234567 {
			got, want := c.shape.RateAt(at, time.Minute), c.curve(at.Seconds())
			if math.Abs(got-want) > max(want, 100)/5000 {
				t.Fatalf("%s: RateAt(%v) = %v, want %v ± 1/5000", c.name, at, got, want)
			}
		}
	}
}

func TestMaxBoundsTheRate(t *testing.T) {
	for _, s := range everyShape() {
		top, highest := s.Max(), 0.0
		for at := time.Duration(0); at < 40*second; at += time.Millisecond {
			highest = max(highest, s.RateAt(at, 30*second))
		}
		if highest > top*(1+1e-9) || highest < top*0.999 {
			t.Errorf("%s: Max = %v, but the highest rate found is %v", s.Kind, top, highest)
		}
	}
}

// everyShape returns one valid shape of each kind that reaches its highest rate
// within 30 s.
func everyShape() []arrival.Shape {
	return []arrival.Shape{
		{Kind: arrival.Steady, Rate: 500},
		{Kind: arrival.Ramp, Rate: 800, To: 100},
		{Kind: arrival.Step, Rate: 100, Factor: 4, At: 10 * second},
		{Kind: arrival.Spike, Rate: 200, Factor: 3, At: 5 * second, Hold: 3 * second},
		{Kind: arrival.Flash, Rate: 50, Factor: 20, At: 2 * second, Rise: 5 * second, HalfLife: 3 * second},
		{Kind: arrival.Diurnal, Rate: 300, Amplitude: 1, Period: 12 * second},
		{Kind: arrival.Sawtooth, Rate: 100, Factor: 5, Period: 7 * second},
		{Kind: arrival.Trace, Bin: 2500 * time.Millisecond, Bins: []float64{100, 900, 0, 2500, 400, 400, 0, 0, 700}},
	}
}

func TestScaleMultipliesEveryRate(t *testing.T) {
	for _, s := range everyShape() {
		scaled := s.Scale(2.5)
		for at := time.Duration(0); at < 40*second; at += 333 * time.Millisecond {
			got, want := scaled.RateAt(at, 30*second), 2.5*s.RateAt(at, 30*second)
			if math.Abs(got-want) > 1e-9*want {
				t.Errorf("%s: Scale(2.5).RateAt(%v) = %v, want %v", s.Kind, at, got, want)
			}
		}
	}
	trace := arrival.Shape{Kind: arrival.Trace, Bin: second, Bins: []float64{1, 2}}
	trace.Scale(3)
	if trace.Bins[0] != 1 {
		t.Errorf("Scale changed its receiver's bins to %v", trace.Bins)
	}
}

func TestShapeValidate(t *testing.T) {
	for _, s := range everyShape() {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: Validate = %v, want nil", s.Kind, err)
		}
	}
	cases := []struct {
		name  string
		shape arrival.Shape
		want  []string // each to be named
	}{
		{"unknown kind", arrival.Shape{Kind: "wobble"}, []string{`kind is "wobble"`, "sawtooth"}},
		{"negative rate", arrival.Shape{Rate: -1}, []string{"rate is -1"}},
		{"rate no number", arrival.Shape{Rate: math.NaN()}, []string{"rate is NaN"}},
		{"ramp to nowhere", arrival.Shape{Kind: arrival.Ramp, To: math.Inf(1)}, []string{"to is +Inf"}},
		{"step", arrival.Shape{Kind: arrival.Step, Factor: -2, At: -second}, []string{"factor is -2", "at is -1s"}},
		{"spike without hold", arrival.Shape{Kind: arrival.Spike, Factor: 2}, []string{"hold is 0s"}},
		{"flash", arrival.Shape{Kind: arrival.Flash}, []string{"factor is 0", "half_life is 0s"}},
		{"diurnal", arrival.Shape{Kind: arrival.Diurnal, Amplitude: 1.5}, []string{"amplitude is 1.5", "period is 0s"}},
		{"sawtooth too fine", arrival.Shape{Kind: arrival.Sawtooth, Factor: 2, Period: time.Millisecond}, []string{"period is 1ms"}},
		{"trace without bins", arrival.Shape{Kind: arrival.Trace}, []string{"bin is 0s", "bins has 0 entries"}},
		{"trace with a bad count", arrival.Shape{Kind: arrival.Trace, Bin: second, Bins: []float64{1, -2}}, []string{"bins[1] is -2"}},
		{"endless trace", arrival.Shape{Kind: arrival.Trace, Bin: 300 * 24 * time.Hour, Bins: []float64{1, 2}}, []string{"at most a year in all"}},
	}
	for _, c := range cases {
		err := c.shape.Validate()
		if err == nil {
			t.Errorf("%s: Validate = nil, want an error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Validate = %q, want it to hold %q", c.name, err, want)
			}
		}
	}
}

// Showing a shape that is being typed must not panic, whatever is in it.
func FuzzRateAtNeverPanics(f *testing.F) {
	f.Add(uint8(0), 1.0, 2.0, 3.0, int64(0), int64(0), int64(0), 0.5, int64(1))
	f.Add(uint8(5), -1.0, 2.0, 0.0, int64(-5), int64(0), int64(math.MinInt64), 0.5, int64(math.MaxInt64))
	f.Add(uint8(4), 1.0, 2.0, 1e300, int64(math.MaxInt64), int64(math.MaxInt64), int64(3), 0.5, int64(7))
	f.Fuzz(func(t *testing.T, kind uint8, rate, to, factor float64, at, rise, period int64, amplitude float64, when int64) {
		kinds := arrival.Kinds()
		s := arrival.Shape{
			Kind: kinds[int(kind)%len(kinds)], Rate: rate, To: to, Factor: factor, At: time.Duration(at),
			Hold: time.Duration(rise), Rise: time.Duration(rise), HalfLife: time.Duration(period),
			Amplitude: amplitude, Period: time.Duration(period), Bin: time.Duration(period), Bins: []float64{rate, to},
		}
		got := s.RateAt(time.Duration(when), time.Duration(rise))
		if s.Validate() == nil && !(got >= 0 && got <= s.Max()*(1+1e-9)) {
			t.Errorf("%+v: RateAt(%v) = %v, want 0 to Max = %v", s, time.Duration(when), got, s.Max())
		}
	})
}
