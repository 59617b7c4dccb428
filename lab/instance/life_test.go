package instance_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/instance"
	"workbench/sim/clock"
)

func TestWorkGoesOnWhenTheClientLeaves(t *testing.T) {
	entered, left, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	i := start(t, func(ctx context.Context, _ *lab.Request) lab.Response {
		close(entered)
		<-left
		ended <- ctx.Err()
		return lab.Response{}
	})
	conn, err := net.Dial("tcp", i.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	// A second request shows that the server has had the time to see the first
	// client go, and that it serves on.
	if got := ask(t, i, "GET", "/healthz", ""); got.StatusCode != 200 {
		t.Fatalf("GET /healthz = %d, want 200", got.StatusCode)
	}
	close(left)
	if err := <-ended; err != nil {
		t.Errorf("the work's context ended by %v when the client left, want it to go on", err)
	}
}

func TestKillAndRestart(t *testing.T) {
	entered, ended := make(chan struct{}), make(chan error, 1)
	i := start(t, func(ctx context.Context, r *lab.Request) lab.Response {
		if r.Key == 1 {
			close(entered)
			<-ctx.Done()
			ended <- ctx.Err()
		}
		return lab.Response{}
	})
	conn, err := net.Dial("tcp", i.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	if !i.Up() || i.Inside() != 1 {
		t.Errorf("up %v with %d inside, want up with 1", i.Up(), i.Inside())
	}
	if err := i.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the work of a killed instance ended by %v, want Canceled", err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Errorf("a killed instance answered %q, want a broken connection", line)
	}
	if c, err := net.Dial("tcp", i.Addr()); err == nil {
		t.Errorf("a killed instance accepts connections (closed: %v), want it to refuse them", c.Close())
	}
	if err := i.Kill(); err != nil || i.Up() {
		t.Errorf("Kill() again = %v, up %v; want nil and down", err, i.Up())
	}
	addr := i.Addr()
	if err := i.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := i.Restart(t.Context()); err == nil {
		t.Error("Restart() of a running instance = nil, want an error")
	}
	if got := ask(t, i, "GET", "/items/2", ""); got.StatusCode != 200 || i.Addr() != addr {
		t.Errorf("after Restart: %d at %s, want 200 at the old %s", got.StatusCode, i.Addr(), addr)
	}
}

func TestCloseLetsRequestsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	i := start(t, func(ctx context.Context, _ *lab.Request) lab.Response {
		close(entered)
		<-release
		return lab.Answer(nil, ctx.Err())
	})
	code := make(chan int, 1)
	go func() { code <- ask(t, i, "GET", "/items/1", "").StatusCode }()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- i.Close(t.Context()) }()
	for i.Up() {
		runtime.Gosched() // Close takes the instance down before it waits
	}
	close(release)
	if got := <-code; got != http.StatusOK {
		t.Errorf("the request inside got %d, want 200", got)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

func TestCloseCutsOffWhenTimeIsUp(t *testing.T) {
	entered := make(chan struct{})
	i := start(t, func(ctx context.Context, _ *lab.Request) lab.Response {
		close(entered)
		<-ctx.Done()
		return lab.Answer(nil, ctx.Err())
	})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", "http://"+i.Addr()+"/items/1", nil)
		if err != nil {
			t.Error(err)
			return
		}
		if res, err := client(t).Do(req); err == nil {
			_ = res.Body.Close() // it may have been told that the service stops
		}
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := i.Close(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "instance a") {
		t.Errorf("Close(ended) = %v, want instance a and context.Canceled", err)
	}
	<-gone
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	_, err := instance.Start(t.Context(), instance.Config{Addr: "0.0.0.0:80"})
	for _, want := range []string{"Name", "System", "Handler", "Clock", "Log", `"0.0.0.0:80"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start(Config{}) = %v, want an error that names %s", err, want)
		}
	}
	taken := start(t, always(lab.Response{}))
	_, err = instance.Start(t.Context(), instance.Config{
		Name: "b", Addr: taken.Addr(), System: service{}, Handler: always(lab.Response{}), Clock: &clock.Manual{}, Log: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), "instance b") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Start() on a taken port = %v, want instance b and that it is in use", err)
	}
}

// A service says more than 200 when there is more to say.
func TestStatusesOfTheService(t *testing.T) {
	for _, c := range []struct {
		name string
		res  lab.Response
		want int
	}{
		{"created", lab.Response{Status: http.StatusCreated}, http.StatusCreated},
		{"conflict", lab.Response{Outcome: lab.Failed, Reason: lab.ReasonBad, Status: http.StatusConflict}, http.StatusConflict},
		{"plain", lab.Response{}, http.StatusOK},
		{"bad", lab.Response{Outcome: lab.Failed, Reason: lab.ReasonBad}, http.StatusBadRequest},
		{"a fault is no matter of the service's", lab.Response{Outcome: lab.Failed, Reason: lab.ReasonFault, Status: http.StatusConflict}, http.StatusBadGateway},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := start(t, func(context.Context, *lab.Request) lab.Response { return c.res })
			if got := ask(t, i, "GET", "/items/1", "").StatusCode; got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
}
