package journal_test

import (
	"errors"
	"testing"

	"workbench/lab"
	"workbench/lab/journal"
)

// Which deliveries get a line follows the setting, as with requests.
func TestLinesOfDeliveries(t *testing.T) {
	for _, c := range []struct {
		name      string
		set       journal.Settings
		err       error
		lines     int
		skipped   uint64
		withOwner bool // a message is told its request's number
	}{
		{"all", journal.Settings{Mode: journal.All}, nil, 1, 0, true},
		{"all, failed", journal.Settings{Mode: journal.All}, errors.New("no such order"), 1, 0, true},
		{"errors, of one that went well", journal.Settings{Mode: journal.Errors}, nil, 0, 1, true},
		{"errors", journal.Settings{Mode: journal.Errors}, errors.New("no such order"), 1, 0, true},
		{"a share of none", journal.Settings{Mode: journal.Sampled}, nil, 0, 1, true},
		{"off", journal.Settings{Mode: journal.Off}, errors.New("no such order"), 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := open(t, 10, c.set)
			given := map[string]string{"x": "y"}
			h := j.Produce(&lab.Request{ID: 77}, given)
			if (h[journal.RequestHeader] == "77") != c.withOwner || h["x"] != "y" || len(given) != 1 {
				t.Errorf("headers are %v of %v, want the request's number: %v", h, given, c.withOwner)
			}
			if end := j.Consume(journal.Delivery{From: "sqlite", ID: "m", Correlation: "c1", Request: h[journal.RequestHeader], Attempt: 2}); end != nil {
				end(c.err, journal.Attr{Key: "order", Value: "7"})
			}
			lines := j.List(journal.Query{Trace: "c1", Order: "7"})
			if len(lines) != c.lines || j.Counts().Skipped != c.skipped {
				t.Fatalf("lines %+v, %d skipped; want %d and %d", lines, j.Counts().Skipped, c.lines, c.skipped)
			}
			if len(lines) == 1 && (lines[0].Text != "delivery" || lines[0].Instance != "workers" || (lines[0].Outcome == "failed") != (c.err != nil)) {
				t.Errorf("the line is %+v, want a worker's delivery with its outcome", lines[0])
			}
		})
	}
	var none *journal.Journal
	if none.Produce(&lab.Request{}, nil) != nil || none.Consume(journal.Delivery{}) != nil {
		t.Error("no journal adds something")
	}
}
