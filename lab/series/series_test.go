package series_test

import (
	"strings"
	"testing"

	"workbench/lab/series"
	"workbench/sim/clock"
)

func open(t *testing.T, s series.Settings) *series.Series {
	t.Helper()
	b, err := series.New(&clock.Manual{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func look(t *testing.T, b *series.Series) series.Point {
	t.Helper()
	p, err := b.Look()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSeriesGrowWithUsersUnlessGuarded(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    series.Settings
		series int
		other  uint64
	}{
		{"off", series.Settings{Limit: 10}, 0, 0},
		{"bare", series.Settings{On: true, Limit: 10}, 1000, 0},
		{"guarded", series.Settings{On: true, Guard: true, Limit: 10}, 11, 2 * 990},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, c.set)
			for range 2 {
				for user := range uint64(1000) {
					b.Count(user)
				}
			}
			p := look(t, b)
			if p.Series != c.series || p.Other != c.other {
				t.Errorf("%d series and %d others, want %d and %d", p.Series, p.Other, c.series, c.other)
			}
			if c.series > 0 && (p.Bytes < c.series*len(series.Name) || p.Heap == 0) {
				t.Errorf("the scrape has %d bytes and the heap %d, want both measured", p.Bytes, p.Heap)
			}
		})
	}
}

func TestTheBombIsBounded(t *testing.T) {
	b := open(t, series.Settings{On: true, Limit: 1})
	for user := range uint64(series.MaxSeries + 5) {
		b.Count(user)
	}
	if p := look(t, b); p.Series != series.MaxSeries || p.Other != 5 {
		t.Errorf("%d series and %d without one, want %d and 5", p.Series, p.Other, series.MaxSeries)
	}
	if err := b.Set(series.Settings{On: true, Guard: true, Limit: 1}); err != nil {
		t.Fatal(err)
	}
	if p := look(t, b); p.Series != 0 {
		t.Errorf("%d series after a fresh start, want 0", p.Series)
	}
}

func TestALimitMustBePossible(t *testing.T) {
	for _, limit := range []int{0, -1, series.MaxSeries + 1} {
		if _, err := series.New(&clock.Manual{}, series.Settings{Limit: limit}); err == nil || !strings.Contains(err.Error(), "limit is") {
			t.Errorf("New(limit %d) = %v, want an error that names it", limit, err)
		}
	}
}
