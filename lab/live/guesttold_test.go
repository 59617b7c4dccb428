package live_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/join"
	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/trace"
)

func rowsOf(t trace.Trace) string {
	names := ""
	for _, row := range t.Rows() {
		names += strings.Repeat(">", row.Depth) + row.Name + "|"
	}
	return names
}

// TestOneRequestIsFollowedThroughAJoinedInstance finds its patterns, its Redis
// calls and its call to the lab below the balancer, and its line in the log.
func TestOneRequestIsFollowedThroughAJoinedInstance(t *testing.T) {
	r := open(t, watched)
	r.load(calm)
	r.invite("pp")
	r.until("it serves", up("pp"))
	r.set("cache", lab.On, map[string]any{"store": "redis"})
	var got trace.Trace
	r.eventually("a whole trace through pp", func() bool {
		for _, tr := range r.Traces().Store().List(trace.Query{Limit: 200, Where: "pp"}) {
			rows := rowsOf(tr)
			if strings.Contains(rows, "user's try|>balancer|>>read-profile|>>>") && strings.Contains(rows, ">>>cache|") && strings.Contains(rows, ">>>redis ") &&
				strings.Contains(rows, ">call to the lab|") && strings.Contains(rows, ">work for pp|") && strings.Contains(rows, ">database|") {
				got = tr
				return true
			}
		}
		return false
	})
	for _, row := range got.Rows() {
		if row.Start.Before(got.Start) || row.End.Sub(got.Start) > got.Took {
			t.Errorf("span %s lies outside its trace", row.Name)
		}
		there := row.Where == "pp" || strings.HasPrefix(row.Name, "redis ")
		if there != (row.Attr("process") == "pp") || row.Attr("clock") != "" {
			t.Errorf("span %s at %s says %q of its process and %q of its clock", row.Name, row.Where, row.Attr("process"), row.Attr("clock"))
		}
	}
	lines := r.Journal().List(journal.Query{Trace: got.ID.String()})
	if len(lines) != 1 || lines[0].Op != "read-profile" || lines[0].Instance != "pp" || lines[0].Outcome != "ok" {
		t.Errorf("the lines of trace %v are %+v, want one of pp", got.ID, lines)
	}
	r.eventually("a line of pp's own log", func() bool {
		for _, l := range r.Journal().List(journal.Query{Instance: "pp", Limit: 4096}) {
			if l.Text == "instance started" {
				return true
			}
		}
		return false
	})
	if c := r.Traces().Store().Counts(); c.Lost != 0 {
		t.Errorf("counts %+v, want nothing lost at this rate", c)
	}
}

// TestTracingIsSwitchedInAJoinedInstance holds when the call returns.
func TestTracingIsSwitchedInAJoinedInstance(t *testing.T) {
	r := open(t)
	r.load(calm)
	r.invite("pp")
	r.until("it serves and gets requests", func(s live.State) bool { return member(s, "pp").Sent > 10 })
	if err := r.SetTracing(trace.Settings{On: true, Tail: true, Slow: time.Microsecond}); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); marked(s, "has not carried out") {
		t.Errorf("markers %v: it was not carried out in time", s.Markers)
	}
	r.eventually("its spans", func() bool {
		for _, tr := range r.Traces().Store().List(trace.Query{Where: "pp", Limit: 200}) {
			// Not every user's try has a span of its own above the balancer's.
			if rows := rowsOf(tr); strings.Contains(rows, ">>read-profile|>>>call to the lab|>>>>work for pp|") || strings.HasPrefix(rows, "balancer|>read-profile|>>call to the lab|>>>work for pp|") {
				return true
			}
		}
		return false
	})
}

// TestWhatAJoinedInstanceLosesIsCounted by value, once for each batch however
// often it is sent.
func TestWhatAJoinedInstanceLosesIsCounted(t *testing.T) {
	r := open(t, watched)
	r.load(calm)
	w, err := r.Join(t.Context(), join.Hello{Host: "127.0.0.1", PID: 1, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	send := func(number uint64) {
		t.Helper()
		b := join.Batch{Number: number, Sent: time.Now(), Missed: 3, LostSpans: 5, LostLines: 7, Lines: []journal.Line{{Text: "careful", Instance: "a"}}}
		b.Answers = []join.Answer{{Outcome: lab.Shed, Reason: "queue_full", Trace: "t", Ago: time.Second}, {}}
		span := trace.Span{Trace: trace.ID{9}, ID: [8]byte{byte(number)}, Name: "later", Where: "p1", Start: b.Sent, End: b.Sent}
		b.Spans = []trace.Finished{{Span: span, Sampled: true}}
		if _, err := r.Sync(t.Context(), w.Member, join.Report{Batch: b}); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	send(1) // its answer was lost
	send(2)
	text := r.scrape()
	for _, c := range []struct {
		kind        string
		taken, lost int
	}{{"answer", 4, 6}, {"span", 2, 10}, {"line", 2, 14}} {
		for fate, n := range map[string]int{"taken": c.taken, "lost": c.lost} {
			if want := fmt.Sprintf(`workbench_joined_records_total{fate=%q,instance="p1",kind=%q} %d`, fate, c.kind, n); !strings.Contains(text, want+"\n") {
				t.Errorf("the metrics lack %s", want)
			}
		}
	}
	if c := r.Traces().Store().Counts(); c.Away != 2 || c.Lost != 10 {
		t.Errorf("traces count %+v, want 2 spans and 10 lost", c)
	}
	if c := r.Journal().Counts(); c.Carried != 2 || c.Lost != 14 {
		t.Errorf("the journal counts %+v, want 2 lines and 14 lost", c)
	}
	if tr, found := r.Traces().Store().Get(trace.ID{9}); !found || len(tr.Spans) != 2 || tr.Why != trace.Sampled {
		t.Errorf("trace %+v, %v; want both spans", tr, found)
	}
	if _, err := r.Sync(t.Context(), w.Member, join.Report{Gone: true, Batch: join.Batch{Number: 3, LostSpans: 1}}); err != nil {
		t.Fatal(err)
	}
	if want := `workbench_joined_records_total{fate="lost",instance="p1",kind="span"} 11`; !strings.Contains(r.scrape(), want+"\n") {
		t.Errorf("after it has left, the metrics lack %s", want)
	}
}
