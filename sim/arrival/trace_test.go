package arrival_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"workbench/sim/arrival"
)

func TestParseTrace(t *testing.T) {
	cases := []struct {
		name string
		text string
		bin  time.Duration
		bins []float64
	}{
		{"counts", "10\n20\n0\n", second, []float64{10, 20, 0}},
		{"heading, comment and space", "# a day\ncount\n\n 1 \n2.5\n", second, []float64{1, 2.5}},
		{"seconds", "start,count\n0,5\n60,6\n120,7\n", time.Minute, []float64{5, 6, 7}},
		{"durations", "1m0s,5\n1m30s,6\n", 30 * second, []float64{5, 6}},
		{"clock from anywhere", "1600000.5,1\n1600001,2\n", 500 * ms, []float64{1, 2}},
		{"quotes, byte order mark, carriage returns", "\ufeff\"t\",\"n\"\r\n\"0\",\"3\"\r\n\"2\",\"4\"\r\n", 2 * second, []float64{3, 4}},
		{"one bin", "7", second, []float64{7}},
	}
	for _, c := range cases {
		s, err := arrival.ParseTrace(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Kind != arrival.Trace || s.Bin != c.bin || !slices.Equal(s.Bins, c.bins) {
			t.Errorf("%s: ParseTrace = %+v, want bins of %v: %v", c.name, s, c.bin, c.bins)
		}
	}
}

func TestParseTraceNamesTheLine(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", "", "bins has 0 entries"},
		{"only a heading", "count\n", "bins has 0 entries"},
		{"two headings", "count\nmore\n", `trace line 2: count is "more"`},
		{"no number", "1\n2\nthree\n", `trace line 3: count is "three"`},
		{"negative", "1\n-2\n", `trace line 2: count is "-2"`},
		{"not finite", "1\nNaN\n", `trace line 2: count is "NaN"`},
		{"too many fields", "1,2,3\n", "trace line 1: 3 fields"},
		{"fields change", "0,1\n2\n", "trace line 2: 1 fields, want 2"},
		{"bad start", "0,1\nnoon,2\n", `trace line 2: start is "noon"`},
		{"backwards", "5,1\n4,2\n", `trace line 2: start is "4", want at least 1ms after`},
		{"gap", "0,1\n1,1\n\n3,1\n", `trace line 4: start is "3", want 1s after`},
		{"line too long", strings.Repeat("1", 100_000), "read trace: "},
	}
	for _, c := range cases {
		s, err := arrival.ParseTrace(strings.NewReader(c.text))
		if err == nil {
			t.Errorf("%s: ParseTrace = %+v, want an error", c.name, s)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ParseTrace: %q, want it to hold %q", c.name, err, c.want)
		}
	}
	broken := errors.New("disk gone")
	if _, err := arrival.ParseTrace(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("ParseTrace of a broken reader: %v, want it to wrap %v", err, broken)
	}
}

func FuzzParseTrace(f *testing.F) {
	for _, seed := range []string{"1\n2\n", "start,count\n0,5\n60,6\n", "1m,2\n2m,3", "#\n\n,\n", "\"0\",1e9", "1e300,1\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := arrival.ParseTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("ParseTrace(%q) gives a shape that is not valid: %v", text, err)
		}
		var again strings.Builder
		for i, n := range s.Bins {
			fmt.Fprintf(&again, "%v,%v\n", time.Duration(i)*s.Bin, n)
		}
		back, err := arrival.ParseTrace(strings.NewReader(again.String()))
		if err != nil || !slices.Equal(back.Bins, s.Bins) || len(s.Bins) > 1 && back.Bin != s.Bin {
			t.Fatalf("written out and parsed again %+v is %+v, %v", s, back, err)
		}
	})
}
