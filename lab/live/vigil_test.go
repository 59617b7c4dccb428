package live_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/live"
	"workbench/sim/clock"
)

// A service that is down although nobody has done anything to it says so, with
// how long the machine stood still; one that was brought down on purpose, or
// that recovers, does not.
func TestAServiceThatIsDownWithoutAnEventSaysSo(t *testing.T) {
	type part struct {
		pause  time.Duration // before the part's first frame
		lasts  time.Duration // ten frames a second
		good   float64       // of 100 users a second
		played bool          // an event is on
	}
	const stood = "This machine stood still for 8 s; the users' retries have kept the service down since. Restart to begin calm."
	for _, c := range []struct {
		name  string
		parts []part
		want  string // what the last frame says, or a part of it
	}{
		{"well", []part{{lasts: 20 * time.Second, good: 99}}, ""},
		{"stood still at once, and down since", []part{{lasts: time.Second, good: 99}, {pause: 8 * time.Second, lasts: 6 * time.Second}}, stood},
		{"stood still later, and down since", []part{{lasts: time.Minute, good: 99}, {pause: 8 * time.Second, lasts: time.Minute}}, stood},
		{"stood still, and recovers", []part{{lasts: time.Minute, good: 99}, {pause: 8 * time.Second, lasts: 3 * time.Second}, {lasts: 6 * time.Second, good: 99}}, ""},
		{"stood still, and it is not known yet", []part{{lasts: time.Minute, good: 99}, {pause: 8 * time.Second, lasts: 4 * time.Second}}, ""},
		{"down without a standstill: a switch may have done it", []part{{lasts: 10 * time.Second, good: 99}, {lasts: 20 * time.Second, good: 10}}, ""},
		{"never well: the scenario is like that", []part{{lasts: 20 * time.Second, good: 10}}, ""},
		{"down in the event", []part{{lasts: 10 * time.Second, good: 99}, {lasts: 20 * time.Second, good: 0, played: true}}, ""},
		{"down after the event", []part{{lasts: 10 * time.Second, good: 99}, {lasts: 20 * time.Second, played: true}, {lasts: time.Minute}}, ""},
		{"stood still in the event", []part{{lasts: 10 * time.Second, good: 99, played: true}, {pause: 8 * time.Second, lasts: time.Second, played: true}, {lasts: time.Minute}}, ""},
		{"well again after the event, and then it stood still", []part{{lasts: 9 * time.Second, played: true}, {lasts: 9 * time.Second, good: 99}, {pause: 8 * time.Second, lasts: 9 * time.Second}}, stood},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := clock.NewWall()
				v := live.NewVigil(w)
				wait := func(d time.Duration) {
					if err := w.Wait(t.Context(), w.Now()+d); err != nil {
						t.Fatal(err)
					}
				}
				got := ""
				for _, p := range c.parts {
					wait(max(0, p.pause-100*time.Millisecond))
					for range p.lasts / (100 * time.Millisecond) {
						wait(100 * time.Millisecond)
						got = v.Look(live.Frame{Offered: 100, Good: p.good}, !p.played, true)
					}
				}
				if c.want == "" && got != "" || !strings.Contains(got, c.want) {
					t.Errorf("the last frame says %q, want %q", got, c.want)
				}
			})
		})
	}
}
