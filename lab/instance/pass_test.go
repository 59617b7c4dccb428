package instance_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/instance"
	"workbench/sim/clock"
)

// TestPass lets in what the balancer sends, and probes.
func TestPass(t *testing.T) {
	cfg := instance.Config{
		Name: "p1", Open: true, Pass: "secret", System: service{}, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler),
		Handler: lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{Body: []byte("{}")} }),
		Also:    map[string]http.Handler{"/more": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "more") })},
	}
	i, err := instance.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := i.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		path, pass string
		want       int
	}{
		{"/items/7", "secret", 200}, {"/items/7", "", 403}, {"/items/7", "Secret", 403}, {"/jobs/7", "", 403}, {"/jobs/7", "secret", 404},
		{"/readyz", "", 200}, {"/healthz", "", 200}, {"/more", "", 200}, {"/nothing", "", 403},
	} {
		in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+i.Addr()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.pass != "" {
			in.Header.Set("Workbench-Pass", c.pass)
		}
		res, err := http.DefaultClient.Do(in)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.want || c.want == 403 && !strings.Contains(string(body), "ask there") {
			t.Errorf("GET %s with pass %q = %d %s, want %d", c.path, c.pass, res.StatusCode, body, c.want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	cfg.Pass = ""
	if _, err := instance.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Config.Pass") {
		t.Errorf("Start without a pass = %v, want it to be named", err)
	}
}
