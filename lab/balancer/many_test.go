package balancer_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"workbench/lab/fleet"
)

func TestManyAtOnce(t *testing.T) {
	ups := []*upstream{newUpstream(t, "a", nil), newUpstream(t, "b", nil), newUpstream(t, "c", nil)}
	for _, picker := range fleet.Pickers() {
		t.Run(picker, func(t *testing.T) {
			r := start(t, picker, ups...)
			var all sync.WaitGroup
			for n := range 16 {
				all.Go(func() {
					for i := range 50 {
						if res, body := r.get(t, "/profiles/"+strconv.Itoa(n*50+i)); res.StatusCode != 200 || !strings.Contains("abc", body) {
							t.Errorf("answer %d %q, want 200 from a, b or c", res.StatusCode, body)
						}
					}
				})
			}
			all.Wait()
			var sent uint64
			for _, s := range r.Stats() {
				if sent += s.Sent; s.Inflight != 0 || s.Sent < 100 {
					t.Errorf("stats are %+v, want none inside and a fair part of 800", s)
				}
			}
			if sent != 800 {
				t.Errorf("sent %d, want 800", sent)
			}
		})
	}
}

// spread returns settings that differ from the defaults in the picker alone.
func spread(picker string) fleet.Settings {
	s := fleet.Defaults()
	if picker != "" {
		s.Picker = picker
	}
	return s
}
