package arrival_test

import (
	"math"
	"testing"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/dist"
)

const ms = time.Millisecond

// ten is a metronome of ten requests a second for a minute.
func ten(t *testing.T) *arrival.Process {
	return start(t, arrival.Uniform, 1, arrival.Schedule{{For: time.Minute, Shape: arrival.Shape{Rate: 10}}})
}

func TestDial(t *testing.T) {
	cases := []struct {
		name string
		turn func(p *arrival.Process) error
		now  time.Duration // of the question after the turn
		want []time.Duration
	}{
		{"left alone", func(*arrival.Process) error { return nil }, 50 * ms, []time.Duration{200 * ms, 300 * ms}},
		{
			"half a gap at twice the rate",
			func(p *arrival.Process) error { return p.SetFactor(50*ms, 2) },
			50 * ms, []time.Duration{75 * ms, 125 * ms, 175 * ms},
		},
		{
			"stopped",
			func(p *arrival.Process) error { return p.SetFactor(50*ms, 0) },
			50 * ms, []time.Duration{arrival.Never},
		},
		{
			"a spike of 100 ms",
			func(p *arrival.Process) error { return p.Spike(50*ms, 5, 100*ms) },
			50 * ms, []time.Duration{60 * ms, 80 * ms, 100 * ms, 120 * ms, 140 * ms, 200 * ms, 300 * ms},
		},
		{
			"a spike on a factor",
			func(p *arrival.Process) error {
				if err := p.SetFactor(50*ms, 0.5); err != nil {
					return err
				}
				return p.Spike(50*ms, 4, 100*ms)
			},
			50 * ms, []time.Duration{75 * ms, 125 * ms, 250 * ms, 450 * ms},
		},
		{
			"a new schedule",
			func(p *arrival.Process) error {
				return p.SetSchedule(50*ms, arrival.Schedule{
					{For: 100 * ms, Shape: arrival.Shape{Rate: 5}},
					{For: second, Shape: arrival.Shape{Rate: 20}},
				})
			},
			50 * ms, []time.Duration{150 * ms, 200 * ms, 250 * ms},
		},
		{
			"after the announced arrival, which stays",
			func(p *arrival.Process) error { return p.SetFactor(150*ms, 2) },
			150 * ms, []time.Duration{175 * ms, 225 * ms},
		},
		{
			"an arrival nobody asked for comes at once",
			func(p *arrival.Process) error { return p.SetFactor(950*ms, 2) },
			950 * ms, []time.Duration{950*ms + 1, 1000*ms + 1},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := ten(t)
			if got := p.Next(0); got != 100*ms {
				t.Fatalf("first Next = %v, want 100ms", got)
			}
			if err := c.turn(p); err != nil {
				t.Fatal(err)
			}
			at := c.now
			for i, want := range c.want {
				at = p.Next(at)
				if (at - want).Abs() > 1 {
					t.Errorf("arrival %d at %v, want %v", i, at, want)
				}
			}
		})
	}
}

func TestDialWakesSilence(t *testing.T) {
	p := ten(t)
	if err := p.SetFactor(0, 0); err != nil {
		t.Fatal(err)
	}
	if got := p.Next(0); got != arrival.Never {
		t.Fatalf("Next at factor 0 = %v, want Never", got)
	}
	if err := p.SetFactor(30*second, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Next(30*second), 30*second+100*ms; got != want {
		t.Errorf("Next after waking = %v, want %v", got, want)
	}
}

func TestRateAtShowsTheDial(t *testing.T) {
	p := ten(t)
	if err := p.SetFactor(second, 3); err != nil {
		t.Fatal(err)
	}
	if err := p.Spike(2*second, 2, second); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]float64{2 * second: 60, 3 * second: 30} {
		if got := p.RateAt(at); got != want {
			t.Errorf("RateAt(%v) = %v, want %v", at, got, want)
		}
	}
}

func TestDialRefusesAndChangesNothing(t *testing.T) {
	cases := []struct {
		name string
		turn func(p *arrival.Process) error
	}{
		{"negative factor", func(p *arrival.Process) error { return p.SetFactor(ms, -1) }},
		{"factor no number", func(p *arrival.Process) error { return p.SetFactor(ms, math.NaN()) }},
		{"infinite factor", func(p *arrival.Process) error { return p.SetFactor(ms, math.Inf(1)) }},
		{"negative spike", func(p *arrival.Process) error { return p.Spike(ms, -1, second) }},
		{"spike of no length", func(p *arrival.Process) error { return p.Spike(ms, 2, 0) }},
		{"invalid schedule", func(p *arrival.Process) error { return p.SetSchedule(ms, arrival.Schedule{{}}) }},
	}
	for _, c := range cases {
		p := ten(t)
		p.Next(0)
		if err := c.turn(p); err == nil {
			t.Errorf("%s: no error", c.name)
		}
		if got := p.Next(100 * ms); got != 200*ms {
			t.Errorf("%s: Next(100ms) = %v afterwards, want 200ms", c.name, got)
		}
	}
}

// Turning the dial to where it stands must not move an arrival: the gap is
// taken up where it was, with MMPP's bursts as they were. An A|B comparison
// that touches the dial in one run depends on it.
func FuzzDialKeepsTheGap(f *testing.F) {
	for i := range arrival.Processes() {
		f.Add(uint64(i), uint8(i), int64(123*ms), int64(3*second))
	}
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8, a, b int64) {
		kinds := arrival.Processes()
		name := kinds[int(kind)%len(kinds)]
		s := arrival.Schedule{
			{For: 2 * second, Shape: arrival.Shape{Kind: arrival.Diurnal, Rate: 20, Amplitude: 1, Period: second}},
			{For: 3 * second, Shape: arrival.Shape{Kind: arrival.Flash, Rate: 5, Factor: 8, Rise: second, HalfLife: second}},
		}
		plain, turned := start(t, name, seed, s), start(t, name, seed, s)
		turns := []time.Duration{time.Duration(a).Abs() % (10 * second), time.Duration(b).Abs() % (10 * second)}
		last, at := time.Duration(0), plain.Next(0)
		for range 100 {
			got := turned.Next(last)
			for _, turn := range turns {
				if turn > last && turn < got {
					if err := turned.SetFactor(turn, 1); err != nil {
						t.Fatal(err)
					}
					got = turned.Next(turn)
				}
			}
			if (got - at).Abs() > 50 {
				t.Fatalf("%s: arrival at %v with the dial touched, %v without", name, got, at)
			}
			last, at = got, plain.Next(at)
		}
	})
}

// Whatever is done to the dial, arrivals stay in order and apart, and Next
// answers.
func FuzzProcessStaysInOrder(f *testing.F) {
	f.Add(uint64(1), []byte{0, 10, 1, 20, 2, 30, 3, 40})
	f.Add(uint64(2), []byte{3, 255, 3, 0, 1, 0, 0, 0, 2, 9, 0, 3})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		kinds := arrival.Processes()
		p := start(t, kinds[seed%uint64(len(kinds))], seed, rush())
		now, last := time.Duration(0), time.Duration(0)
		for i := 0; i+1 < min(len(script), 200); i += 2 {
			now += time.Duration(script[i+1]) * 10 * ms
			var err error
			switch script[i] % 5 {
			case 0:
				err = p.SetFactor(now, float64(script[i+1])/16)
			case 1:
				err = p.Spike(now, float64(script[i+1])/4, second)
			case 2:
				err = p.SetSchedule(now, arrival.Schedule{{For: second, Shape: arrival.Shape{Rate: float64(script[i+1])}}})
			default:
				at := p.Next(now)
				if at <= now || at <= last {
					t.Fatalf("Next(%v) = %v after %v, want later than both", now, at, last)
				}
				if at != arrival.Never {
					now, last = at, at
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Factors multiply the mean: seed 5, tolerance four standard deviations.
func TestFactorMultipliesTheMean(t *testing.T) {
	for _, x := range []float64{0.25, 1, 4} {
		p, err := arrival.New("", dist.New(5, "dial"), rush())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetFactor(0, x); err != nil {
			t.Fatal(err)
		}
		got := float64(len(until(p, 25*second)))
		want := x * mass(rush(), 0, 25*second)
		if math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("factor %v: arrivals = %v, want %.0f ± %.0f", x, got, want, 4*math.Sqrt(want))
		}
	}
}
