package singleflight_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	known "golang.org/x/sync/singleflight"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/singleflight"
	"workbench/sim/clock"
)

func TestJoin(t *testing.T) {
	g := singleflight.New[int](singleflight.Knobs{Timeout: 10 * time.Second})
	ask := func(now time.Duration, item uint64, op uint8) (*singleflight.Flight[int], bool) {
		return g.Join(now, &lab.Request{Key: item, Op: op, Read: true})
	}
	leads := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: leads = %t, want %t", what, got, want)
		}
	}
	first, led := ask(0, 1, 0)
	leads("the first", led, true)
	second, led := ask(time.Second, 1, 0)
	leads("the second", led, false)
	if second != first || first.End != 10*time.Second {
		t.Errorf("second joined %p ending at %v, want %p ending at 10s", second, second.End, first)
	}
	other, led := ask(time.Second, 1, 1)
	leads("another operation", led, true)
	_, led = ask(time.Second, 2, 0)
	leads("another item", led, true)
	if g.Running() != 3 || g.Waiting() != 4 {
		t.Errorf("Running, Waiting = %d, %d, want 3, 4", g.Running(), g.Waiting())
	}

	g.Forget(1)
	renewed, led := ask(2*time.Second, 1, 0)
	leads("after a write", led, true)
	g.Land(first) // the forgotten flight must not take its successor with it
	_, led = ask(3*time.Second, 1, 0)
	leads("the successor is joined", led, false)
	g.Land(other)
	_, led = ask(12*time.Second, 1, 0)
	leads("one that hangs is not joined", led, true)
	g.Land(renewed)
	_, led = ask(13*time.Second, 1, 0)
	leads("nor does its end disturb the next", led, false)
	for g.Waiting() > 0 {
		g.Leave()
	}
	if g.Running() != 2 {
		t.Errorf("Running() = %d, want 2: the last one and item 2's", g.Running())
	}
}

func TestUntil(t *testing.T) {
	for _, c := range []struct {
		name               string
		deadline, patience time.Duration
		want               time.Duration
	}{
		{"neither", 0, 0, 5*time.Second + singleflight.Grace},
		{"deadline", 2 * time.Second, 0, 2 * time.Second},
		{"patience", 0, 3 * time.Second, 3 * time.Second},
		{"both", 2 * time.Second, time.Second, time.Second},
		{"a flight that hangs", time.Minute, time.Minute, 5*time.Second + singleflight.Grace},
	} {
		r := &lab.Request{Deadline: c.deadline, Patience: c.patience}
		if got := singleflight.Until(r, 5*time.Second); got != c.want {
			t.Errorf("%s: Until = %v, want %v", c.name, got, c.want)
		}
	}
}

// FuzzGroup plays joins, landings and writes, and wants that at no time two
// joinable flights exist for one operation on one item, that a landed or
// forgotten flight is never joined, and that the counts add up.
func FuzzGroup(f *testing.F) {
	f.Add([]byte{0, 0, 1, 64, 0, 128, 0, 65, 200})
	f.Add([]byte("join land join write land land"))
	f.Fuzz(func(t *testing.T, moves []byte) {
		type key struct {
			item uint64
			op   uint8
		}
		g := singleflight.New[key](singleflight.Knobs{Timeout: 20})
		var flying []*singleflight.Flight[key]
		joinable := map[key]*singleflight.Flight[key]{}
		waiting := 0
		for i, m := range moves {
			now := time.Duration(i)
			k := key{uint64(m % 4), m / 4 % 3}
			switch {
			case m < 128:
				f, leads := g.Join(now, &lab.Request{Key: k.item, Op: k.op})
				waiting++
				have := joinable[k]
				if want := have == nil || now >= have.End; leads != want {
					t.Fatalf("move %d: Join(%v) leads = %t, want %t", i, k, leads, want)
				}
				if leads {
					f.Of = k
					flying = append(flying, f)
					joinable[k] = f
				} else if f != have {
					t.Fatalf("move %d: Join(%v) joined another flight than the last", i, k)
				}
			case m < 192 && len(flying) > 0:
				n := int(m) % len(flying)
				f := flying[n]
				flying = append(flying[:n], flying[n+1:]...)
				g.Land(f)
				if joinable[f.Of] == f {
					delete(joinable, f.Of)
				}
			case m < 224:
				g.Forget(k.item)
				for op := range uint8(3) {
					delete(joinable, key{k.item, op})
				}
			case waiting > 0:
				g.Leave()
				waiting--
			}
			if g.Running() != len(flying) || g.Waiting() != waiting {
				t.Fatalf("move %d: Running, Waiting = %d, %d, want %d, %d", i, g.Running(), g.Waiting(), len(flying), waiting)
			}
		}
	})
}

// TestAgainstKnownGroup sends one trace through the well-known group and
// through ours, and wants the same number of calls and the same instants.
// Nobody gives up and nothing is written, since the known one can do neither.
func TestAgainstKnownGroup(t *testing.T) {
	trace := patterntest.Poisson(5, 2000, 500, 30*time.Millisecond)
	for i := range trace {
		trace[i].Request.Read = true
	}
	ours, counts := patterntest.Virtual(t, singleflight.Pattern(), nil, trace)
	synctest.Test(t, func(t *testing.T) {
		var group known.Group
		wall := clock.NewWall()
		calls := make(chan int, len(trace))
		ends := make([]time.Duration, len(trace))
		done := make(chan struct{})
		for i, a := range trace {
			go func() {
				defer func() { done <- struct{}{} }()
				if err := wall.Wait(t.Context(), a.At); err != nil {
					t.Error(err)
				}
				_, err, _ := group.Do(fmt.Sprint(a.Request.Key, a.Request.Op), func() (any, error) {
					calls <- i
					return nil, wall.Wait(t.Context(), wall.Now()+a.Service)
				})
				if err != nil {
					t.Error(err)
				}
				ends[i] = wall.Now()
			}()
		}
		for range trace {
			<-done
		}
		if got := uint64(len(calls)); got != counts["led"] || got > 1900 || got < 100 {
			t.Errorf("calls: known %d, ours %d, want the same and a trace that joins", got, counts["led"])
		}
		for i := range trace {
			if ends[i] != ours[i].At {
				t.Fatalf("request %d ends at %v, the known group's at %v", i, ours[i].At, ends[i])
			}
		}
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, singleflight.Pattern()) }

func TestTwins(t *testing.T) {
	trace := patterntest.Poisson(9, 3000, 500, 40*time.Millisecond)
	for i := range trace {
		a := &trace[i]
		a.Request.Key = a.Request.Key%3 + 1
		a.Request.Read = i%40 != 0
		if i%3 == 0 {
			a.Request.Patience = a.At + 25*time.Millisecond
		}
		if i%7 == 0 {
			a.Request.Deadline = a.At + 45*time.Millisecond
		}
	}
	for name, knobs := range map[string]map[string]any{
		"defaults":       nil,
		"short flights":  {"timeout": "30ms"},
		"errors are own": {"share_errors": false},
	} {
		t.Run(name, func(t *testing.T) {
			results := patterntest.Twin(t, singleflight.Pattern(), knobs, trace)
			below := 0
			for _, r := range results {
				below += r.Calls
			}
			if below < 300 || below > 2500 {
				t.Errorf("%d calls below for 3000 requests, want a trace that joins many (300 to 2500)", below)
			}
		})
	}
}
