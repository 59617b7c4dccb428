package arrival

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseTrace reads a recorded load: CSV with the number of requests in each bin
// of time, one bin a line. A line is either
//
//	count          bins of one second, or
//	start,count    start in seconds or as a duration such as 90s or 1m30s
//
// Starts begin at any instant and step by one bin, whose length they thereby
// set. A first line that is no number is a heading; empty lines and lines that
// begin with # are skipped. Errors name the line.
func ParseTrace(r io.Reader) (Shape, error) {
	t := tracer{bin: time.Second}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || text[0] == '#' {
			continue
		}
		if err := t.line(text); err != nil {
			return Shape{}, fmt.Errorf("trace line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Shape{}, fmt.Errorf("read trace: %w", err)
	}
	s := Shape{Kind: Trace, Bin: t.bin, Bins: t.bins}
	if err := s.Validate(); err != nil {
		return Shape{}, fmt.Errorf("trace: %w", err)
	}
	return s, nil
}

// tracer gathers the bins of a trace.
type tracer struct {
	fields int // of each line; 0 before the first
	headed bool
	last   time.Duration // the start on the line before
	bin    time.Duration
	bins   []float64
}

func (t *tracer) line(text string) error {
	fields := strings.Split(text, ",")
	for i, f := range fields {
		fields[i] = strings.Trim(strings.TrimSpace(f), `"`)
	}
	if len(fields) > 2 {
		return fmt.Errorf("%d fields, want count or start,count", len(fields))
	}
	if t.fields == 0 && !t.headed && fields[0] != "" && !numeric(fields[0]) {
		t.headed = true
		return nil
	}
	if t.fields == 0 {
		t.fields = len(fields)
	}
	if len(fields) != t.fields {
		return fmt.Errorf("%d fields, want %d as before", len(fields), t.fields)
	}
	if len(fields) == 2 {
		if err := t.step(fields[0]); err != nil {
			return err
		}
	}
	count := fields[len(fields)-1]
	n, err := strconv.ParseFloat(count, 64)
	if err != nil || !(n >= 0 && n <= maxRate) {
		return fmt.Errorf("count is %q, want a number of 0 to 1e9", count)
	}
	if len(t.bins) == MaxBins {
		return fmt.Errorf("more than %d bins", MaxBins)
	}
	t.bins = append(t.bins, n)
	return nil
}

// step checks a bin's start against the one before.
func (t *tracer) step(field string) error {
	start, ok := instant(field)
	if !ok {
		return fmt.Errorf("start is %q, want seconds or a duration such as 90s", field)
	}
	step := start - t.last
	switch len(t.bins) {
	case 0:
	case 1:
		if step < minBin {
			return fmt.Errorf("start is %q, want at least %v after the line before", field, minBin)
		}
		t.bin = step
	default:
		if d := step - t.bin; d < -time.Microsecond || d > time.Microsecond {
			return fmt.Errorf("start is %q, want %v after the line before (bins are of equal length; write empty ones as 0)", field, t.bin)
		}
	}
	t.last = start
	return nil
}

// instant reads seconds or a duration.
func instant(field string) (time.Duration, bool) {
	if x, err := strconv.ParseFloat(field, 64); err == nil {
		if !(math.Abs(x) <= 1e9) {
			return 0, false
		}
		return time.Duration(math.Round(float64(x * 1e9))), true
	}
	d, err := time.ParseDuration(field)
	return d, err == nil && d.Abs() <= lastNow
}

func numeric(field string) bool {
	_, ok := instant(field)
	if ok {
		return true
	}
	_, err := strconv.ParseFloat(field, 64)
	return err == nil
}
