package live_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/trace"
)

// An order that comes by HTTP is followed through the broker: by its number one
// finds the traces of its submission and of its settlement, linked, and by the
// trace's id the lines of both.
func TestAnOrderIsFollowedThroughTheBroker(t *testing.T) {
	r := open(t, watched)
	r.load(trading)
	r.set("broker", lab.On, nil)
	status, header, body := r.ask("a", http.MethodPost, "/orders", `{"symbol":3,"side":"buy","price":1,"qty":1}`, "Idempotency-Key", "followed", "X-User", "7")
	number, found := strings.CutPrefix(header.Get("Location"), "/orders/")
	if status != http.StatusAccepted || !found {
		t.Fatalf("POST /orders = %d %s with Location %q, want 202 and the order's address", status, body, header.Get("Location"))
	}
	var both []trace.Trace
	r.eventually("both traces of order "+number, func() bool {
		both = r.Traces().Store().List(trace.Query{About: number})
		return len(both) == 2
	})
	settled, sent := both[0], both[1] // the latest first
	if linked := r.Traces().Store().Linked(sent.ID); len(linked) != 1 || linked[0] != settled.ID {
		t.Errorf("the submission %v has caused %v, want the settlement %v", sent.ID, linked, settled.ID)
	}
	for _, c := range []struct {
		of   trace.Trace
		want string
	}{{sent, "submit-order|"}, {sent, "publish to outbox|"}, {settled, "deliver from "}} {
		names := ""
		for _, row := range c.of.Rows() {
			names += row.Name + "|"
		}
		if !strings.Contains(names, c.want) {
			t.Errorf("trace %v has the spans %s, want %s", c.of.ID, names, c.want)
		}
	}
	var lines []journal.Line
	r.eventually("the lines of both", func() bool {
		lines = r.Journal().List(journal.Query{Trace: sent.ID.String()})
		return len(lines) == 2
	})
	ops := map[string]string{lines[0].Op: lines[0].Instance, lines[1].Op: lines[1].Instance}
	if ops["submit-order"] != "a" || ops["deliver"] != "workers" {
		t.Errorf("the lines are of %v, want the instance's and the workers'", ops)
	}
	if l := r.Journal().List(journal.Query{Order: number}); len(l) != 2 || l[0].Trace != sent.ID.String() || l[1].Trace != sent.ID.String() {
		t.Errorf("the lines about order %s are %+v, want both with the submission's id", number, l)
	}
}

// metric returns the value of a metric's line, by its beginning.
func (r *rig) metric(line string) string {
	r.t.Helper()
	rec := httptest.NewRecorder()
	r.Metrics().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for l := range strings.Lines(rec.Body.String()) {
		if value, found := strings.CutPrefix(strings.TrimSpace(l), line+" "); found {
			return value
		}
	}
	return "no such metric"
}

// Events that waited in memory are lost when the broker goes down: the panel and
// the metric say how many.
func TestEventsLostWithTheBrokerAreCounted(t *testing.T) {
	r := open(t)
	r.load(trading)
	box := func() live.Node { return node(r.State(), "broker") }
	r.until("the queue in memory carries", func(live.State) bool { return strings.Contains(box().Title, "in memory") })
	const line = `workbench_pattern_events_total{event="lost",pattern="broker"}`
	if got := r.metric(line); got != "0" {
		t.Errorf("%s = %s before anything is lost, want 0", line, got)
	}
	for range 30 { // after each the workers stay away longer, and events wait
		if _, err := r.SetFault(t.Context(), "worker-crash", live.FaultChange{On: true}); err != nil {
			t.Fatal(err)
		}
	}
	r.until("events wait for the workers", func(live.State) bool {
		ready, unacked := 0, 0
		_, _ = fmt.Sscanf(box().Note, "%d ready, %d unacked", &ready, &unacked)
		return ready > 20
	})
	if _, err := r.SetFault(t.Context(), "broker-down", live.FaultChange{On: true}); err != nil {
		t.Fatal(err)
	}
	lost := pattern(r.State(), "broker").Counters["lost"]
	if lost < 10 || r.metric(line) != fmt.Sprint(lost) {
		t.Errorf("the panel says %d lost and the metric %s, want the same, and many", lost, r.metric(line))
	}
}
