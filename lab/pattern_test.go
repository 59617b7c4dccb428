package lab_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"workbench/lab"
)

func TestWrap(t *testing.T) {
	answers := func(text string) func(context.Context, *lab.Request, lab.Handler) lab.Response {
		return func(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
			return lab.Response{Body: append([]byte(text), next.Serve(ctx, r).Body...)}
		}
	}
	next := lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response { return lab.Response{Body: r.Body} })
	for state, want := range map[lab.State]string{lab.On: "acts on it", lab.Shadow: "watches it"} {
		h := lab.Wrap(next, state, answers("acts on "), answers("watches "))
		if got := string(h.Serve(t.Context(), &lab.Request{Body: []byte("it")}).Body); got != want {
			t.Errorf("Wrap in state %v answers %q, want %q", state, got, want)
		}
	}
}

// shell is a Live and a Stage about the number that is its core.
type shell struct {
	lab.Live
	lab.Stage
	core     int
	instance string
}

func (s shell) Gauges(time.Duration) []lab.Gauge {
	return []lab.Gauge{{Name: s.instance, Value: float64(s.core)}}
}

func TestDefineCore(t *testing.T) {
	type knobs struct {
		Size int `knob:"size" min:"-9" max:"9" help:"how large"`
	}
	small := errors.New("too small")
	p := lab.DefineCore(lab.Pattern{Name: "shell"}, func() knobs { return knobs{Size: 2} },
		func(k knobs) (int, error) {
			if k.Size < 0 {
				return 0, small
			}
			return 10 * k.Size, nil
		},
		func(env lab.Env, core int) shell { return shell{core: core + 1, instance: env.Instance} },
		func(env lab.Env, core int) shell { return shell{core: core + 2, instance: env.Instance} })
	for _, c := range []struct {
		size        int
		live, stage float64 // 0: an error
	}{{2, 21, 22}, {-1, 0, 0}} {
		k, err := p.Settings(map[string]any{"size": c.size})
		if err != nil {
			t.Fatal(err)
		}
		l, err := p.New(lab.Env{Instance: "a"}, k)
		s, serr := p.NewStage(lab.Env{Instance: "a"}, k)
		if c.live == 0 {
			if l != nil || s != nil || !errors.Is(err, small) || !errors.Is(serr, small) {
				t.Errorf("size %d: %v, %v and %v, %v, want nothing and the core's error", c.size, l, err, s, serr)
			}
			continue
		}
		if err != nil || serr != nil || l.Gauges(0)[0] != (lab.Gauge{Name: "a", Value: c.live}) || s.Gauges(0)[0] != (lab.Gauge{Name: "a", Value: c.stage}) {
			t.Errorf("size %d: %+v, %v and %+v, %v, want shells about %v and %v", c.size, l, err, s, serr, c.live, c.stage)
		}
	}
}
