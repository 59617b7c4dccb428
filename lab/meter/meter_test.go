package meter_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/meter"
	"workbench/sim/clock"
)

type figures meter.Figures

func (f figures) Figures() meter.Figures { return meter.Figures(f) }

// scrape returns the metrics as text.
func scrape(t *testing.T, m *meter.Meter) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil || rec.Code != 200 {
		t.Fatalf("scrape: status %d, error %v, body %s", rec.Code, err, body)
	}
	return string(body)
}

func TestEveryMetricByValue(t *testing.T) {
	c := &clock.Manual{}
	m, err := meter.New(c, []string{"read", "write"}, []lab.Reason{"queue_full"}, figures{
		Patterns: []meter.PatternFigures{{Name: "queue", State: lab.On, Events: map[string]uint64{"refused": 4},
			Gauges: map[string][]lab.Gauge{"a": {{Name: "depth", Value: 17}}}}},
		Gates:     []meter.GateFigures{{Name: "gate", Slots: 20, Busy: 12, Waiting: 3, Entered: 99, Saturation: 0.6, Errors: 8}},
		Pools:     []meter.PoolFigures{{Name: "redis", Used: 0.25, Errors: 6}},
		Instances: map[string]bool{"a": true, "b": false},
		Members:   []meter.MemberFigures{{Name: "a", State: "ejected", Inflight: 7, Sent: 70, Errors: 5, Weight: 0.25}},
		Joined:    []meter.JoinedFigures{{Instance: "p1", Kind: "span", Taken: 41, Lost: 2}},
		Sessions:  9,
		RedisUp:   true, Offered: 1000, Tries: 1200, Users: [7]uint64{900, 10, 20, 30, 15, 20, 5}, Goodput: 0.91, Lag: 0.002, Limited: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	answers := []lab.Response{{}, {}, lab.Refuse(lab.Shed, "queue_full", time.Second), lab.Refuse(lab.Failed, "undeclared", 0)}
	h := m.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
		c.At += 40 * time.Millisecond
		return answers[r.ID]
	}))
	for i := range answers {
		h.Serve(context.Background(), &lab.Request{ID: uint64(i), Op: uint8(i / 2)})
	}
	text := scrape(t, m)
	for _, want := range []string{
		`workbench_requests_total{op="read",outcome="ok"} 2`,
		`workbench_requests_total{op="write",outcome="shed"} 1`,
		`workbench_requests_total{op="write",outcome="failed"} 1`,
		`workbench_requests_total{op="read",outcome="failed"} 0`,
		`workbench_refusals_total{reason="queue_full"} 1`,
		`workbench_refusals_total{reason="other"} 1`,
		`workbench_request_duration_seconds_bucket{op="read",le="0.025"} 0`,
		`workbench_request_duration_seconds_bucket{op="read",le="0.05"} 2`,
		`workbench_request_duration_seconds_count{op="write"} 2`,
		`workbench_request_duration_seconds_sum{op="write"} 0.08`,
		`workbench_pattern_state{pattern="queue"} 2`,
		`workbench_pattern_events_total{event="refused",pattern="queue"} 4`,
		`workbench_pattern_gauge{gauge="depth",instance="a",pattern="queue"} 17`,
		`workbench_joined_records_total{fate="taken",instance="p1",kind="span"} 41`,
		`workbench_joined_records_total{fate="lost",instance="p1",kind="span"} 2`,
		`workbench_gate_slots{gate="gate"} 20`,
		`workbench_gate_busy_slots{gate="gate"} 12`,
		`workbench_gate_waiting_requests{gate="gate"} 3`,
		`workbench_gate_entered_total{gate="gate"} 99`,
		`workbench_gate_saturation_ratio{gate="gate"} 0.6`,
		`workbench_instance_up{instance="a"} 1`,
		`workbench_instance_up{instance="b"} 0`,
		`workbench_gate_errors_total{gate="gate"} 8`,
		`workbench_pool_used_ratio{pool="redis"} 0.25`,
		`workbench_pool_errors_total{pool="redis"} 6`,
		`workbench_instance_inflight_requests{instance="a"} 7`,
		`workbench_balancer_requests_total{instance="a"} 70`,
		`workbench_balancer_errors_total{instance="a"} 5`,
		`workbench_balancer_weight_ratio{instance="a"} 0.25`,
		`workbench_instance_state{instance="a",state="ejected"} 1`,
		`workbench_instance_state{instance="a",state="up"} 0`,
		`workbench_sessions_lost_total 9`,
		`workbench_redis_up 1`,
		`workbench_traffic_offered_total 1000`,
		`workbench_traffic_tries_total 1200`,
		`workbench_traffic_users_total{outcome="ok"} 900`,
		`workbench_traffic_users_total{outcome="failed"} 5`,
		`workbench_traffic_goodput_ratio 0.91`,
		`workbench_generator_lag_seconds 0.002`,
		`workbench_generator_limited 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %q", want)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "workbench_") {
				t.Log(line)
			}
		}
	}
}

func TestMetersAreIndependent(t *testing.T) {
	one, err := meter.New(&clock.Manual{}, []string{"read"}, nil, figures{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := meter.New(&clock.Manual{}, []string{"read"}, nil, figures{})
	if err != nil {
		t.Fatalf("a second meter: %v, want a registry of its own", err)
	}
	one.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })).Serve(context.Background(), &lab.Request{})
	const line = `workbench_requests_total{op="read",outcome="ok"} `
	if !strings.Contains(scrape(t, one), line+"1\n") || !strings.Contains(scrape(t, two), line+"0\n") {
		t.Errorf("want %s1 in the first meter and 0 in the second", line)
	}
}

// TestAnswersOfOtherProcesses counts them as Wrap and Instance do together.
func TestAnswersOfOtherProcesses(t *testing.T) {
	m, err := meter.New(&clock.Manual{}, []string{"read", "write"}, []lab.Reason{"queue_full"}, figures{})
	if err != nil {
		t.Fatal(err)
	}
	count := m.Answered("p1")
	count(&lab.Request{Op: 1}, lab.Response{}, 40*time.Millisecond)
	count(&lab.Request{Op: 1}, lab.Refuse(lab.Shed, "queue_full", 0), 10*time.Millisecond)
	count(&lab.Request{Op: 200}, lab.Response{Outcome: 99}, time.Second) // words that there are not
	text := scrape(t, m)
	for _, want := range []string{
		`workbench_requests_total{op="write",outcome="ok"} 1`,
		`workbench_requests_total{op="write",outcome="shed"} 1`,
		`workbench_requests_total{op="read",outcome="ok"} 0`,
		`workbench_refusals_total{reason="queue_full"} 1`,
		`workbench_request_duration_seconds_count{op="write"} 2`,
		`workbench_request_duration_seconds_sum{op="write"} 0.05`,
		`workbench_instance_requests_total{instance="p1",outcome="ok"} 1`,
		`workbench_instance_requests_total{instance="p1",outcome="shed"} 1`,
		`workbench_instance_duration_seconds_count{instance="p1"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %q", want)
		}
	}
}
