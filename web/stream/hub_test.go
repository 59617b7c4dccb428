package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"workbench/sim/clock"
	"workbench/web/stream"
)

func join(t *testing.T, h *stream.Hub) *stream.Reader {
	t.Helper()
	r, err := h.Join()
	if err != nil {
		t.Fatalf("Join() = %v", err)
	}
	return r
}

func next(t *testing.T, r *stream.Reader) string {
	t.Helper()
	b, err := r.Next(t.Context(), nil)
	if err != nil {
		t.Fatalf("Next() = %v", err)
	}
	return string(b)
}

func TestEventsHaveTheWireFormat(t *testing.T) {
	h := stream.New(1, stream.WriteTimeout)
	r := join(t, h)
	h.Send(stream.Frame, []byte(`{"t":1}`))
	if got, want := next(t, r), "id: 1\nevent: frame\ndata: {\"t\":1}\n\n"; got != want {
		t.Errorf("Next() = %q, want %q", got, want)
	}
}

func TestSlowReaderGetsTheLatestOfEachKind(t *testing.T) {
	h := stream.New(1, stream.WriteTimeout)
	r := join(t, h)
	for i := range 3 {
		h.Send(stream.Frame, fmt.Appendf(nil, `"frame %d"`, i))
		h.Send(stream.Pulse, fmt.Appendf(nil, `"pulse %d"`, i))
		h.Send(stream.State, fmt.Appendf(nil, `"state %d"`, i))
	}
	got := next(t, r)
	for _, want := range []string{"event: dropped\ndata: 2\n\n", `data: "frame 2"`, `data: "pulse 2"`, `data: "state 2"`} {
		if !strings.Contains(got, want) {
			t.Errorf("Next() = %q, want it to hold %q", got, want)
		}
	}
	for _, not := range []string{`"frame 0"`, `"frame 1"`, `"state 1"`} {
		if strings.Contains(got, not) {
			t.Errorf("Next() = %q, want it without %q", got, not)
		}
	}
	if c := h.Counts(); c.Dropped != 2 || c.Sent != 9 {
		t.Errorf("Counts() = %+v, want 2 dropped of 9 sent", c)
	}
	if strings.Index(got, "event: state") > strings.Index(got, "event: frame") {
		t.Errorf("Next() = %q, want the state before the frame", got)
	}
}

func TestDroppedFramesAreToldOnce(t *testing.T) {
	h := stream.New(1, stream.WriteTimeout)
	r := join(t, h)
	h.Send(stream.Frame, []byte("1"))
	h.Send(stream.Frame, []byte("2"))
	if got := next(t, r); !strings.Contains(got, "event: dropped\ndata: 1\n") {
		t.Errorf("Next() = %q, want one dropped frame", got)
	}
	h.Send(stream.Frame, []byte("3"))
	if got := next(t, r); strings.Contains(got, "dropped") {
		t.Errorf("Next() = %q, want nothing about dropped frames again", got)
	}
}

func TestStatesReachAReaderThatNeverStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(1, stream.WriteTimeout)
		r := join(t, h)
		got := make(chan string, 10)
		go func() {
			for {
				b, err := r.Next(t.Context(), nil)
				if err != nil {
					close(got)
					return
				}
				got <- string(b)
			}
		}()
		for i := range 3 {
			h.Send(stream.State, fmt.Appendf(nil, "%d", i))
			synctest.Wait()
			if event := <-got; !strings.Contains(event, fmt.Sprintf("data: %d\n", i)) {
				t.Errorf("state %d arrived as %q", i, event)
			}
		}
		h.Close()
		if _, open := <-got; open {
			t.Error("a reader got something after Close")
		}
	})
}

func TestReadersAreLimited(t *testing.T) {
	h := stream.New(2, stream.WriteTimeout)
	first := join(t, h)
	join(t, h)
	if _, err := h.Join(); !errors.Is(err, stream.ErrFull) {
		t.Errorf("third Join() = %v, want ErrFull", err)
	}
	first.Leave()
	first.Leave()
	if _, err := h.Join(); err != nil {
		t.Errorf("Join() after one left = %v, want nil", err)
	}
	if c := h.Counts(); c.Readers != 2 {
		t.Errorf("Counts().Readers = %d, want 2", c.Readers)
	}
}

func TestCloseEndsStreamsAndRefusesNewOnes(t *testing.T) {
	h := stream.New(2, stream.WriteTimeout)
	r := join(t, h)
	h.Close()
	h.Close()
	if _, err := r.Next(t.Context(), nil); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Next() = %v, want ErrClosed", err)
	}
	if _, err := h.Join(); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("Join() = %v, want ErrClosed", err)
	}
	h.Send(stream.Frame, []byte("1"))
	if c := h.Counts(); c.Sent != 0 {
		t.Errorf("Counts().Sent = %d, want 0 after Close", c.Sent)
	}
}

func TestServeKeepsAQuietStreamAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(1, stream.WriteTimeout)
		r := join(t, h)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		if err := r.Serve(ctx, w, clock.NewWall(), []byte("event: state\ndata: 0\n\n")); err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
		body := w.Body.String()
		if !strings.HasPrefix(body, "retry: 1000\n\nevent: state\n") {
			t.Errorf("the stream begins with %.60q", body)
		}
		if got := strings.Count(body, ": still here\n\n"); got != 2 {
			t.Errorf("%d signs of life in 40 s, want 2", got)
		}
		if got := w.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type = %q", got)
		}
	})
}

// stuck is a response whose reader does not read: a write fails when its
// deadline passes.
type stuck struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (s *stuck) SetReadDeadline(time.Time) error    { return nil }
func (s *stuck) SetWriteDeadline(t time.Time) error { s.deadline = t; return nil }
func (s *stuck) Write([]byte) (int, error) {
	<-time.NewTimer(time.Until(s.deadline)).C
	return 0, fmt.Errorf("write: %w", os.ErrDeadlineExceeded)
}

func TestReaderThatNeverReadsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(1, stream.WriteTimeout)
		r := join(t, h)
		start := time.Now()
		err := r.Serve(t.Context(), &stuck{ResponseRecorder: httptest.NewRecorder()}, clock.NewWall(), nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Serve() = %v, want a passed deadline", err)
		}
		if got := time.Since(start); got != stream.WriteTimeout {
			t.Errorf("cut off after %v, want %v", got, stream.WriteTimeout)
		}
		if c := h.Counts(); c.Cut != 1 {
			t.Errorf("Counts().Cut = %d, want 1", c.Cut)
		}
	})
}

var _ http.ResponseWriter = (*stuck)(nil)

// BenchmarkFrame is one frame for fifty readers that keep up: one allocation,
// the message that all of them share.
func BenchmarkFrame(b *testing.B) {
	const readers = 50
	h := stream.New(readers, stream.WriteTimeout)
	var all []*stream.Reader
	for range readers {
		r, err := h.Join()
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, r)
	}
	data := bytes.Repeat([]byte("x"), 300)
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		h.Send(stream.Frame, data)
		for _, r := range all {
			if _, err := r.Next(b.Context(), buf[:0]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestOneFrameForFiftyReadersIsOneAllocation(t *testing.T) {
	h := stream.New(50, stream.WriteTimeout)
	var all []*stream.Reader
	for range 50 {
		all = append(all, join(t, h))
	}
	data, buf, ctx := bytes.Repeat([]byte("x"), 300), make([]byte, 0, 1024), t.Context()
	got := testing.AllocsPerRun(100, func() {
		h.Send(stream.Frame, data)
		for _, r := range all {
			if _, err := r.Next(ctx, buf[:0]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if got > 1 {
		t.Errorf("%v allocations a frame for 50 readers, want at most 1", got)
	}
}
