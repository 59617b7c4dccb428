package live_test

import (
	"context"
	"strings"
	"testing"

	"workbench/lab/live"
	"workbench/sim/load"
)

// limited is a generator whose every frame says that it was the bottleneck.
type limited struct {
	live.Generator
	frames chan load.Frame
}

func (l *limited) Frames() <-chan load.Frame { return l.frames }

func (l *limited) pass() {
	defer close(l.frames)
	for f := range l.Generator.Frames() {
		f.Verdict = load.GeneratorLimited
		l.frames <- f
	}
}

// Where the figures are not to be trusted the advice names what the page has.
func TestAdviceNamesWhatThePageHas(t *testing.T) {
	r := open(t, func(c *live.Config) {
		c.Generator = func(ctx context.Context, p load.Plan) (live.Generator, error) {
			g, err := load.Start(ctx, p)
			if err != nil {
				return nil, err
			}
			l := &limited{g, make(chan load.Frame)}
			go l.pass()
			return l, nil
		}
	})
	r.load(calm)
	got := r.until("the figures are doubted", func(s live.State) bool { return s.Confidence != "" }).Confidence
	if !strings.Contains(got, "the slider “Traffic”") || !strings.Contains(got, "on the page Replay") || strings.Contains(got, "scale") {
		t.Errorf("the advice is %q, want the slider Traffic and the page Replay, which the page has", got)
	}
}
