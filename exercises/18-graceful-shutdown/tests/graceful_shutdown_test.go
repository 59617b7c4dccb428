//go:build exercise

package gracefulshutdown_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gracefulshutdown "workbench/exercises/18-graceful-shutdown/start"
)

// telling knows which tests are over: who is still under way then has nobody to tell.
var telling = struct {
	sync.Mutex
	over map[testing.TB]bool
}{over: map[testing.TB]bool{}}

// tell writes down what happened, for the verdict to list, with the instant in
// a bubble, which begins with the year 2000. Outside of one there is none to tell.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	telling.Lock()
	defer telling.Unlock()
	over, known := telling.over[t]
	if over {
		return
	}
	if !known {
		telling.over[t] = false
		t.Cleanup(func() {
			telling.Lock()
			defer telling.Unlock()
			telling.over[t] = true
		})
	}
	at := "-"
	if d := time.Since(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)); d < 10_000*time.Hour {
		at = d.String()
	}
	t.Logf("@%s %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// get sends one request and returns its status.
func get(t testing.TB, s http.Handler, path string) int {
	t.Helper()
	if path == "/" {
		tell(t, "GET / is asked")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	tell(t, "GET %s = %d", path, w.Code)
	return w.Code
}

// shutdown stops a service and writes down what it was answered.
func shutdown(t testing.TB, ctx context.Context, s *gracefulshutdown.Service) error {
	t.Helper()
	tell(t, "Shutdown is called")
	err := s.Shutdown(ctx)
	tell(t, "Shutdown = %v", err)
	return err
}

// launch starts a job that writes down when it begins and ends.
func launch(t testing.TB, s *gracefulshutdown.Service, job func(context.Context)) error {
	t.Helper()
	err := s.Go(func(ctx context.Context) {
		tell(t, "a job begins")
		defer func() { tell(t, "the job ends; its context: %v", ctx.Err()) }()
		job(ctx)
	})
	tell(t, "Go = %v", err)
	return err
}

// takes returns a handler that works for d and says whether its context ended meanwhile.
func takes(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
			w.WriteHeader(http.StatusGatewayTimeout)
		}
	}
}

// bubble runs f on a virtual clock; goroutines that it leaves behind fail the test.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("goroutines are left for ever: %v", p)
		}
	}()
	synctest.Test(t, f)
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestReady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Handler: takes(0), Lag: 10 * time.Second})
		if got := get(t, s, "/readyz"); got != 200 {
			t.Errorf("/readyz before Shutdown = %d, want 200", got)
		}
		done := make(chan error, 1)
		go func() { done <- shutdown(t, t.Context(), s) }()
		synctest.Wait()
		if got := get(t, s, "/readyz"); got != 503 {
			t.Errorf("/readyz as soon as Shutdown began = %d, want 503: it is how balancers learn of it", got)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if got := get(t, s, "/readyz"); got != 503 {
			t.Errorf("/readyz after Shutdown = %d, want 503", got)
		}
	})
}

func TestServesDuringLag(t *testing.T) {
	bubble(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Handler: takes(time.Second), Lag: 10 * time.Second})
		done := make(chan error, 1)
		go func() { done <- shutdown(t, t.Context(), s) }()
		pass(8 * time.Second)
		if got := get(t, s, "/"); got != 204 {
			t.Errorf("a request 8 s into a lag of 10 s = %d, want 204: balancers still send it", got)
		}
		<-done
		if got := get(t, s, "/"); got != 503 {
			t.Errorf("a request after Shutdown = %d, want 503", got)
		}
	})
}

func TestWaitsForRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Handler: takes(time.Minute), Lag: time.Second})
		code := make(chan int, 1)
		go func() { code <- get(t, s, "/") }()
		synctest.Wait()
		if err := shutdown(t, t.Context(), s); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		synctest.Wait()
		select {
		case got := <-code:
			if got != 204 {
				t.Errorf("the request in flight = %d, want 204: it may finish undisturbed", got)
			}
		default:
			t.Error("Shutdown returned while a request was in flight")
			<-code
		}
	})
}

func TestWaitsForJobs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Handler: takes(0)})
		sent := make(chan bool, 1)
		if err := launch(t, s, func(ctx context.Context) {
			pass(time.Minute)
			sent <- ctx.Err() == nil
		}); err != nil {
			t.Fatalf("Go = %v", err)
		}
		if err := shutdown(t, t.Context(), s); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		select {
		case whole := <-sent:
			if !whole {
				t.Error("the job's context ended while Shutdown still had time")
			}
		default:
			t.Error("Shutdown returned while a job was running: its mail is lost")
			<-sent
		}
	})
}
