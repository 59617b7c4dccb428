//go:build exercise

package gracefulshutdown_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gracefulshutdown "workbench/exercises/18-graceful-shutdown/start"
)

type handles = http.HandlerFunc

func request(t testing.TB, s http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	tell(t, "POST /order is asked")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/order", nil))
	tell(t, "POST /order = %d", w.Code)
	return w
}

// sealed runs f on a virtual clock; goroutines that it leaves behind fail the test.
func sealed(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("goroutines are left for ever: %v", p)
		}
	}()
	synctest.Test(t, f)
}

func TestRefusal(t *testing.T) {
	calls := 0
	s := gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(http.ResponseWriter, *http.Request) { calls++ })})
	if err := shutdown(t, t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w := request(t, s)
	if w.Code != 503 || w.Header().Get("Connection") != "close" || w.Header().Get("Retry-After") == "" {
		t.Errorf("a request after Shutdown = %d with %v, want 503 with Connection: close and Retry-After", w.Code, w.Header())
	}
	if calls > 0 {
		t.Error("the handler was called after Shutdown")
	}
}

// TestLateJob starts a job from the last request, long after Shutdown began.
func TestLateJob(t *testing.T) {
	sealed(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		var s *gracefulshutdown.Service
		var mailed atomic.Bool
		s = gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(http.ResponseWriter, *http.Request) {
			pass(time.Minute)
			if err := launch(t, s, func(context.Context) {
				pass(time.Minute)
				mailed.Store(true)
			}); err != nil {
				t.Errorf("Go from a request in flight = %v, want nil", err)
			}
		})})
		go request(t, s)
		synctest.Wait()
		if err := shutdown(t, t.Context(), s); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if !mailed.Load() {
			t.Error("Shutdown returned before the job of the last request had ended")
		}
		ran := make(chan bool, 1)
		if err := launch(t, s, func(context.Context) { ran <- true }); !errors.Is(err, gracefulshutdown.ErrStopped) {
			t.Errorf("Go after Shutdown = %v, want ErrStopped", err)
		}
		synctest.Wait()
		if len(ran) > 0 {
			t.Error("a job ran after Shutdown")
		}
	})
}

func TestDeadline(t *testing.T) {
	sealed(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		cut := make(chan string, 2)
		stuck := func(what string, ctx context.Context) {
			select {
			case <-ctx.Done():
				cut <- what
			case <-time.After(time.Hour):
				cut <- what + " that nobody cancelled"
			}
		}
		s := gracefulshutdown.New(gracefulshutdown.Config{Lag: time.Second, Handler: handles(func(_ http.ResponseWriter, r *http.Request) {
			stuck("request", r.Context())
		})})
		go request(t, s)
		if err := launch(t, s, func(ctx context.Context) { stuck("job", ctx) }); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		err := shutdown(t, ctx, s)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown with work that does not end = %v, want an error that wraps context.DeadlineExceeded", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("Shutdown took %v, want the 30 s of its context", took)
		}
		synctest.Wait()
		if len(cut) != 2 {
			t.Errorf("%d of 2 pieces of work were cancelled when time was up", len(cut))
		}
		for range 2 {
			if what := <-cut; what != "job" && what != "request" {
				t.Errorf("a %s", what)
			}
		}
		if w := request(t, s); w.Code != 503 {
			t.Errorf("a request after the deadline = %d, want 503", w.Code)
		}
		if err := launch(t, s, func(context.Context) {}); !errors.Is(err, gracefulshutdown.ErrStopped) {
			t.Errorf("Go after the deadline = %v, want ErrStopped", err)
		}
	})
}

func TestDeadlineDuringLag(t *testing.T) {
	sealed(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Lag: time.Hour, Handler: http.NotFoundHandler()})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		shutdown(t, ctx, s) // nothing was cut off, so the error is a matter of taste
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("Shutdown took %v though its context ended after 10 s", took)
		}
		if w := request(t, s); w.Code != 503 {
			t.Errorf("a request afterwards = %d, want 503", w.Code)
		}
	})
}

type key struct{}

func TestContextPasses(t *testing.T) {
	s := gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}) != "trace" || r.Context().Err() == nil {
			w.WriteHeader(http.StatusTeapot)
		}
	})})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
	cancel()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	tell(t, "GET / with a context that has a value and has ended = %d", w.Code)
	if w.Code != 200 {
		t.Error("the handler's context has lost the values or the cancel of the client's")
	}
	if err := shutdown(t, t.Context(), s); err != nil {
		t.Error(err)
	}
}

// rest waits until every other goroutine waits for something: a channel, a
// lock, a timer. Whoever was on the way has arrived then. Unlike synctest.Wait
// it also knows those who wait for a lock that somebody holds while he waits.
func rest(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	quiet := 0 // looks in a row at which nobody ran but this goroutine
	for end := time.Now().Add(5 * time.Second); quiet < 3; runtime.Gosched() {
		all, busy := stacks[:runtime.Stack(stacks, true)], 0
		for _, state := range []string{" [running", " [runnable", " [preempted", " [GC assist"} {
			busy += bytes.Count(all, []byte(state))
		}
		if quiet++; busy > 1 {
			quiet = 0
		}
		if time.Now().After(end) {
			t.Error("after 5 s somebody still runs: who waits should sleep until woken, and not look again and again")
			return
		}
	}
}

// TestTwice runs on the real clock: a second caller may wait on a mutex.
func TestTwice(t *testing.T) {
	inside, release := make(chan bool), make(chan bool)
	s := gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-release
	})})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("the request in flight panics after two calls of Shutdown: %v", p)
			}
		}()
		request(quiet{t}, s)
	})
	<-inside
	var ended atomic.Int64
	stop := func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Shutdown called again panics: %v", p)
			}
		}()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown = %v, want nil from each call", err)
		}
		ended.Add(1)
	}
	for range 4 {
		wg.Go(stop)
	}
	rest(t) // a wrong one is back by now
	tell(t, "a request is in flight, and Shutdown was called 4 times: %d of them returned", ended.Load())
	if n := ended.Load(); n > 0 {
		t.Errorf("%d of 4 calls of Shutdown returned while a request was in flight", n)
	}
	close(release)
	wg.Wait()
	stop() // once more, when all is over
}

func TestPanics(t *testing.T) {
	sealed(t, func(t *testing.T) {
		defer pass(2 * time.Hour) // what a wrong answer left running may end
		s := gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })})
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("recovered %v, want the handler's own panic: net/http deals with it", p)
				}
			}()
			request(t, s)
		}()
		if err := launch(t, s, func(context.Context) { panic("a bad job") }); err != nil {
			t.Errorf("Go = %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := shutdown(t, ctx, s); err != nil {
			t.Errorf("Shutdown after a request and a job that panicked = %v: what panics has ended too", err)
		}
	})
}

// TestStorm sends requests and jobs while Shutdown runs: each is done or refused.
func TestStorm(t *testing.T) {
	for range 20 {
		var running, served, refused, worked, turned atomic.Int64
		var s *gracefulshutdown.Service
		s = gracefulshutdown.New(gracefulshutdown.Config{Handler: handles(func(w http.ResponseWriter, _ *http.Request) {
			running.Add(1)
			defer running.Add(-1)
			if err := s.Go(func(context.Context) {
				running.Add(1)
				worked.Add(1)
				running.Add(-1)
			}); err != nil {
				t.Errorf("Go inside a request = %v", err)
			}
			w.WriteHeader(http.StatusNoContent)
		})})
		begin := make(chan bool)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				<-begin
				for range 20 {
					switch w := request(quiet{t}, s); w.Code {
					case 204:
						served.Add(1)
					case 503:
						refused.Add(1)
					}
					get := httptest.NewRecorder()
					s.ServeHTTP(get, httptest.NewRequest("GET", "/readyz", nil))
					if get.Code == 503 {
						turned.Add(1)
					}
				}
			})
		}
		wg.Go(func() { // a probe that does nothing else
			<-begin
			for range 20 {
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz", nil))
			}
		})
		wg.Go(func() {
			<-begin
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown = %v", err)
			}
			if n := running.Load(); n != 0 {
				t.Errorf("%d requests or jobs run after Shutdown returned", n)
			}
		})
		close(begin)
		wg.Wait()
		tell(t, "160 requests beside Shutdown: %d served, %d refused, %d jobs ran", served.Load(), refused.Load(), worked.Load())
		if served.Load()+refused.Load() != 160 || worked.Load() != served.Load() {
			t.Fatalf("of 160 requests %d were served, %d refused; their jobs ran %d times", served.Load(), refused.Load(), worked.Load())
		}
	}
}

// TestNoPolling reads the virtual clock: Shutdown ends with the last piece of work.
func TestNoPolling(t *testing.T) {
	for _, work := range []time.Duration{0, 3 * time.Second, 17*time.Second + 3*time.Millisecond} {
		sealed(t, func(t *testing.T) {
			defer pass(2 * time.Hour) // what a wrong answer left running may end
			s := gracefulshutdown.New(gracefulshutdown.Config{Lag: 5 * time.Second, Handler: http.NotFoundHandler()})
			if err := launch(t, s, func(context.Context) { pass(work) }); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := shutdown(t, t.Context(), s); err != nil {
				t.Error(err)
			}
			want := max(work, 5*time.Second)
			if took := time.Since(start); took < want || took > want+time.Millisecond {
				t.Errorf("Shutdown with a job of %v and a lag of 5 s took %v, want %v", work, took, want)
			}
		})
	}
}
