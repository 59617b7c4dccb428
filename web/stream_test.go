package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"workbench/lab/live"
	"workbench/web/webtest"
)

// events reads Server-Sent Events.
type events struct {
	lines *bufio.Scanner
	close func()
}

func listen(t *testing.T, s *webtest.Site) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/lab/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatalf("open the stream: %v", err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("open the stream: %s", res.Status)
	}
	e := &events{lines: bufio.NewScanner(res.Body), close: func() { cancel(); _ = res.Body.Close() }}
	e.lines.Buffer(nil, 4<<20)
	t.Cleanup(e.close)
	return e
}

// next returns the next event of a kind with its data; ok is false at the end.
func (e *events) next(kind string) (data string, ok bool) {
	event := ""
	for e.lines.Scan() {
		line := e.lines.Text()
		if name, found := strings.CutPrefix(line, "event: "); found {
			event = name
		}
		if text, found := strings.CutPrefix(line, "data: "); found && event == kind {
			return text, true
		}
	}
	return "", false
}

func TestStreamBeginsWithStateAndHistory(t *testing.T) {
	s := webtest.Serve(t, nil)
	for range 15 {
		s.Lab.Step()
	}
	data, _ := listen(t, s).next("state")
	var first struct {
		State   live.State   `json:"state"`
		History []live.Frame `json:"history"`
	}
	if err := json.Unmarshal([]byte(data), &first); err != nil {
		t.Fatalf("the first event: %v", err)
	}
	if first.State.Scenario != webtest.Scenario || len(first.History) != 15 {
		t.Fatalf("scenario %q with %d frames, want %q with 15", first.State.Scenario, len(first.History), webtest.Scenario)
	}
	got, want := first.History[14], s.Lab.History()[14]
	if got.T != want.T || got.Offered != want.Offered || got.Run != want.Run || got.Verdict != want.Verdict {
		t.Errorf("last frame %+v, want %+v", got, want)
	}
	if diff := got.P99/want.P99 - 1; diff > 1e-3 || diff < -1e-3 {
		t.Errorf("p99 = %v, want %v to four digits", got.P99, want.P99)
	}
}

func TestStreamCarriesFramesPulsesAndChanges(t *testing.T) {
	s := webtest.Serve(t, nil)
	e := listen(t, s)
	e.next("state")
	s.Lab.Step()
	data, _ := e.next("frame")
	var f live.Frame
	if err := json.Unmarshal([]byte(data), &f); err != nil || f.T != .1 || f.Offered != 160 {
		t.Errorf("frame %s, %v; want t 0.1 with 160 offered", data, err)
	}
	if len(data) > 450 {
		t.Errorf("a calm frame has %d bytes, want at most 450", len(data))
	}
	webtest.Case{Method: "PUT", Path: "/api/lab/patterns/queue", Body: on, Session: true, Status: http.StatusOK}.Run(t, s)
	if data, _ = e.next("state"); !strings.Contains(data, "queue on") || strings.Contains(data, `"history"`) {
		t.Errorf("after a change came %.80s, want the state with its marker and no history", data)
	}
	for range 20 {
		s.Lab.Step()
	}
	data, _ = e.next("pulse")
	if !strings.Contains(data, `"queue":{"gauges":[{"name":"queue_depth"`) || strings.Contains(data, "ratelimit") {
		t.Errorf("pulse %s, want the pattern that is on and no other", data)
	}
	if len(data) > 1500 {
		t.Errorf("a pulse has %d bytes, want at most 1500", len(data))
	}
}

func TestLabIsWatchedOnlyWhileSomebodyListens(t *testing.T) {
	s := webtest.Serve(t, nil)
	if got := s.Lab.Readers(); got != 0 {
		t.Errorf("%d watch before anybody listens", got)
	}
	first, second := listen(t, s), listen(t, s)
	first.next("state")
	second.next("state")
	if got := s.Lab.Readers(); got != 1 {
		t.Errorf("%d watch for two streams, want 1", got)
	}
	first.close()
	second.close()
	eventually(t, "nobody watches", func() bool { return s.Lab.Readers() == 0 && s.Server.Streams().Readers == 0 })
	again := listen(t, s)
	if _, ok := again.next("state"); !ok || s.Lab.Readers() != 1 {
		t.Error("a stream after a rest says nothing")
	}
}

// eventually waits for what other goroutines do, without measuring how long.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestStreamsEndBeforeShutdownWaits(t *testing.T) {
	s := webtest.Serve(t, nil)
	e := listen(t, s)
	e.next("state")
	if err := s.Server.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v", err)
	}
	if data, ok := e.next("state"); ok {
		t.Errorf("the stream went on with %s", data)
	}
	webtest.Case{Path: "/api/lab/stream", Status: http.StatusServiceUnavailable}.Run(t, s)
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	s := webtest.Serve(t, nil)
	for range 200 {
		e := listen(t, s)
		if _, ok := e.next("state"); !ok {
			t.Fatal("a stream within the limit says nothing")
		}
	}
	res, _ := webtest.Case{Path: "/api/lab/stream", Status: http.StatusServiceUnavailable, Want: []string{"too many"}}.Run(t, s)
	if res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	webtest.Case{Path: "/api/lab", Status: http.StatusOK}.Run(t, s)
}
