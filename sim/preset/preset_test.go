package preset_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/dist"
	"workbench/sim/load"
	"workbench/sim/population"
	"workbench/sim/preset"
)

// Every preset can be run as it stands.
func TestPresetsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range preset.Presets() {
		t.Run(p.Name, func(t *testing.T) {
			if seen[p.Name] {
				t.Error("the name is used twice")
			}
			seen[p.Name] = true
			for field, text := range map[string]string{"Name": p.Name, "Title": p.Title, "Story": p.Story, "Source": p.Source} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s is empty", field)
				}
			}
			if p.Unverified != (p.Doubt != "") {
				t.Errorf("Unverified = %v, but Doubt = %q", p.Unverified, p.Doubt)
			}
			if p.Schedule.Max() <= 0 || p.Schedule.Duration() < 30*time.Second || p.Schedule.Duration() > load.MaxDuration {
				t.Errorf("Max = %v, Duration = %v, want some load for 30 s to %v", p.Schedule.Max(), p.Schedule.Duration(), load.MaxDuration)
			}
			if p.Client.Timeout <= 0 {
				t.Errorf("Client.Timeout = %v, want patience of some length", p.Client.Timeout)
			}
			if _, err := arrival.New(p.Arrivals, dist.New(1, "arrivals"), p.Schedule); err != nil {
				t.Errorf("arrivals: %v", err)
			}
			ops := p.Ops()
			if ops == nil {
				ops = []string{"get"}
			}
			if _, err := population.New(p.Population, ops); err != nil {
				t.Errorf("population: %v", err)
			}
			checkLifetimes(t, p.Lifetimes)
		})
	}
}

func checkLifetimes(t *testing.T, lives []preset.Lifetime) {
	t.Helper()
	sum := 0.0
	for _, l := range lives {
		sum += l.Share
		if l.For <= 0 || l.Share <= 0 || l.Until != 0 && l.Until <= l.For {
			t.Errorf("lifetime %+v, want a positive time and share, and an end after it", l)
		}
	}
	if sum > 1+1e-9 {
		t.Errorf("lifetimes of %v of the items, want at most all", sum)
	}
}

// The figures of the published table, so that a slip of the pen is found.
func TestPublishedFigures(t *testing.T) {
	cases := []struct {
		name     string
		at       time.Duration // when the rate is looked at
		rate     float64
		keySkew  float64
		hot      float64
		arrivals string
	}{
		{"wiki-hot-key", 30 * time.Second, 10.4e6 / 3600, 0.85, 0.096, ""},
		{"wiki-long-tail", 0, 20e6 / 3600, 0.85, 0, ""},
		{"starr-report", 20 * time.Second, 833.33, 1, 0.8, ""},
		{"ticket-drop", 20 * time.Second, 8333.3, 0, 0, ""},
		{"worldcup98", 0, 175, 1, 0, ""},
		{"worldcup98", 50 * time.Second, 200_000.0 / 60, 1, 0, ""},
		{"wikimedia-diurnal", 30 * time.Second, 2 * 1866.67, 0.85, 0, ""},
		{"wikimedia-diurnal", 90 * time.Second, 1866.67, 0.85, 0, ""},
		{"facebook-etc", 0, 52_700, 0.99, 0, arrival.GPareto},
		{"twitter-c52", 0, 24_300, 1.21, 0, ""},
		{"twitter-c18", 0, 26_400, 2.10, 0, ""},
		{"twitter-c1", 0, 11_400, 2.68, 0, ""},
		{"twitter-c6", 0, 12_600, 1.88, 0, ""},
		{"ycsb-a", 0, 600, 0.99, 0, ""},
	}
	for _, c := range cases {
		p, err := preset.Find(c.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := p.Schedule.At(c.at); math.Abs(got-c.rate) > 1e-3*c.rate {
			t.Errorf("%s: rate at %v = %.1f, want %.1f", c.name, c.at, got, c.rate)
		}
		if p.Population.KeySkew != c.keySkew || p.Population.Hot.Share != c.hot || p.Arrivals != c.arrivals {
			t.Errorf("%s: skew %v, hot share %v, arrivals %q, want %v, %v, %q",
				c.name, p.Population.KeySkew, p.Population.Hot.Share, p.Arrivals, c.keySkew, c.hot, c.arrivals)
		}
	}
	mixes := map[string][]population.Weight{
		"ycsb-a":      {{Op: "read", Weight: 50}, {Op: "update", Weight: 50}},
		"ycsb-b":      {{Op: "read", Weight: 95}, {Op: "update", Weight: 5}},
		"ycsb-c":      {{Op: "read", Weight: 100}},
		"ycsb-d":      {{Op: "read", Weight: 95}, {Op: "insert", Weight: 5}},
		"ycsb-e":      {{Op: "scan", Weight: 95}, {Op: "insert", Weight: 5}},
		"ycsb-f":      {{Op: "read", Weight: 50}, {Op: "rmw", Weight: 50}},
		"twitter-c23": {{Op: "get", Weight: 36}, {Op: "set", Weight: 31}, {Op: "incr", Weight: 30}},
		"twitter-c12": {{Op: "set", Weight: 80}, {Op: "get", Weight: 20}},
		"twitter-c10": {{Op: "add", Weight: 50}, {Op: "get", Weight: 50}},
	}
	for name, want := range mixes {
		if p, err := preset.Find(name); err != nil || !slices.Equal(p.Population.Mix, want) {
			t.Errorf("%s: mix = %v, %v, want %v", name, p.Population.Mix, err, want)
		}
	}
}

func TestRetryStorms(t *testing.T) {
	want := map[string]load.Client{
		"retry-storm":        {Timeout: 500 * time.Millisecond, Retries: 2},
		"retry-storm-jitter": {Timeout: 500 * time.Millisecond, Retries: 2, Backoff: 100 * time.Millisecond, BackoffCap: 10 * time.Second, Jitter: true},
		"retry-storm-budget": {Timeout: 500 * time.Millisecond, Retries: 2, Backoff: 100 * time.Millisecond, BackoffCap: 10 * time.Second, Jitter: true, Budget: 0.1},
	}
	for name, client := range want {
		if p, err := preset.Find(name); err != nil || p.Client != client {
			t.Errorf("%s: Client = %+v, %v, want %+v", name, p.Client, err, client)
		}
	}
}

func TestFit(t *testing.T) {
	p, err := preset.Find("facebook-etc")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ rate, scale, top float64 }{
		{100_000, 1, 52_700}, {52_700, 1, 52_700}, {5270, 0.1, 5270}, {0, 0, 0}, {-5, 0, 0},
	}
	for _, c := range cases {
		s, scale := p.Fit(c.rate)
		if math.Abs(scale-c.scale) > 1e-9 || math.Abs(s.Max()-c.top) > 1e-6 {
			t.Errorf("Fit(%v): scale %v, max %v, want %v, %v", c.rate, scale, s.Max(), c.scale, c.top)
		}
	}
	if got := p.Schedule.Max(); got != 52_700 {
		t.Errorf("Fit changed the preset's rate to %v", got)
	}
}

func TestFindListsTheNames(t *testing.T) {
	_, err := preset.Find("nope")
	if err == nil || !strings.Contains(err.Error(), `"nope"`) || !strings.Contains(err.Error(), "flash-crowd") {
		t.Errorf("Find of an unknown name: %v, want an error that lists the presets", err)
	}
}

// Presets returns copies: changing one leaves the next caller's as it was.
func TestPresetsAreCopies(t *testing.T) {
	preset.Presets()[0].Schedule[0].Shape.Rate = -1
	if got := preset.Presets()[0].Schedule[0].Shape.Rate; got < 0 {
		t.Errorf("Rate = %v after a caller changed its copy", got)
	}
}
