package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"workbench/sim/load"
	"workbench/sim/outcome"
)

// child starts p in a child process of a kind; see TestMain.
func child(t *testing.T, kind string, ctx context.Context, p load.Plan) (*load.Run, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return load.StartChild(ctx, "/usr/bin/env", []string{childEnv + "=" + kind, exe}, p)
}

func TestChildRuns(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 1000, 20*time.Second)
	r, err := child(t, "serve", t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	wrong := -1.0
	if err := r.Apply(load.Change{Factor: &wrong}); err == nil || !strings.Contains(err.Error(), "factor: ") {
		t.Errorf("Apply = %v, want an error of the factor", err)
	}
	soon := 300 * ms
	if err := r.Apply(load.Change{Extend: &soon}); err != nil {
		t.Errorf("Apply = %v, want nil", err)
	}
	sum := total(t, r)
	if err := r.Wait(); err != nil {
		t.Errorf("Wait = %v, want nil", err)
	}
	if sum.Outcomes[outcome.OK] != sum.Offered || sum.RSS == 0 {
		t.Errorf("ok = %d of %d, RSS = %d", sum.Outcomes[outcome.OK], sum.Offered, sum.RSS)
	}
	if err := r.Apply(load.Change{}); !errors.Is(err, load.ErrEnded) {
		t.Errorf("Apply after the end = %v, want %v", err, load.ErrEnded)
	}
}

func TestChildEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 100, 5*time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := child(t, "serve", ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := r.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want %v", err, context.Canceled)
	}
}

func TestChildThatFails(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"die": "out of luck", "babble": "read a line"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r, err := child(t, kind, t.Context(), plan("127.0.0.1:1", 1, time.Minute))
			if err == nil { // it may die before it has the plan
				var last load.Frame
				for f := range r.Frames() {
					last = f
				}
				if err = r.Wait(); !last.Done || last.Error == "" {
					t.Errorf("last frame = %+v, want Done and an Error", last)
				}
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the run's error = %v, want one with %q", err, want)
			}
		})
	}
	if _, err := load.StartChild(t.Context(), "/no/such/program", nil, plan("127.0.0.1:1", 1, time.Minute)); err == nil {
		t.Errorf("StartChild of no program = nil, want an error")
	}
}

func TestServeRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":         "",
		"not JSON":        "hello\n",
		"an unknown name": `{"plan":{"pace":1}}` + "\n",
		"two values":      `{"plan":{}} {}` + "\n",
		"no plan":         `{"change":{}}` + "\n",
		"a bad plan":      `{"plan":{"target":"192.0.2.1:80"}}` + "\n",
		"a long line":     strings.Repeat("x", 5<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := load.Serve(t.Context(), strings.NewReader(in), &out)
			var first struct{ Error string }
			if err == nil || json.Unmarshal(out.Bytes(), &first) != nil || first.Error == "" {
				t.Errorf("Serve = %v and said %q, want an error in both", err, out.String())
			}
		})
	}
}

// The run ends when its orders do, so that no child outlives its parent.
func TestServeEndsWithItsInput(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 100, 5*time.Minute)
	line, err := json.Marshal(map[string]any{"plan": p})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := load.Serve(t.Context(), bytes.NewReader(append(line, '\n')), &out); err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if !strings.Contains(out.String(), `"done":true`) {
		t.Errorf("Serve said no last frame")
	}
	if err := load.Serve(t.Context(), io.MultiReader(bytes.NewReader(append(line, '\n')), strings.NewReader("rubbish\n")), &out); err == nil {
		t.Errorf("Serve with rubbish after the plan = nil, want an error")
	}
}

func FuzzPipe(f *testing.F) {
	f.Add([]byte(`{"plan":{"target":"127.0.0.1:1","ops":[{"name":"a"}]}}`))
	f.Add([]byte(`{"change":{"factor":2},"id":1}`))
	f.Add([]byte(`{"frame":{"t":1,"lag":{"cells":[[1,2]]}}}`))
	f.Add([]byte(`{"frame":{"lag":{"cells":[[9999,2]]}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		plan, change, err := load.ReadOrder(line)
		if _, twice := load.ReadReply(line); err == nil && (plan || change) && twice == nil {
			t.Errorf("%q is both an order and a reply", line)
		}
	})
}
