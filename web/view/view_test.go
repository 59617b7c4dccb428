package view_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/system/kind"
	"workbench/web/view"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{view.Rate(0), "0"}, {view.Rate(3.14), "3.1"}, {view.Rate(160.4), "160"}, {view.Rate(12345), "12.3k"}, {view.Rate(123456), "123k"}, {view.Rate(math.NaN()), "–"},
		{view.Percent(0), "0 %"}, {view.Percent(.0005254), "0.053 %"}, {view.Percent(.0005), "0.05 %"}, {view.Percent(.004), "0.4 %"}, {view.Percent(.014), "1 %"}, {view.Percent(.5), "50 %"}, {view.Percent(.9997), "99.9 %"}, {view.Percent(1), "100 %"}, {view.Percent(math.NaN()), "–"},
		{view.Millis(0), "–"}, {view.Millis(3.21), "3.2 ms"}, {view.Millis(61.8), "62 ms"}, {view.Millis(2400), "2.4 s"}, {view.Millis(25000), "25 s"},
		{view.Level(1), "ok"}, {view.Level(.95), "warn"}, {view.Level(.5), "bad"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestParagraphs(t *testing.T) {
	got := view.Paragraphs("Package x is\nshort.\n\n# Idea\n\nOne.\n\n\tcode\n\t  more\n")
	want := []view.Paragraph{{Text: "Package x is short."}, {Heading: "Idea"}, {Text: "One."}, {Text: "\tcode\n\t  more", Code: true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Paragraphs() = %+v, want %+v", got, want)
	}
}

func FuzzParagraphs(f *testing.F) {
	f.Add("Package x.\n\n# Idea\n\n\tcode")
	f.Add("\n\n\n# \n\n    ")
	f.Fuzz(func(t *testing.T, doc string) {
		for _, p := range view.Paragraphs(doc) {
			if strings.TrimSpace(p.Heading+p.Text) == "" && !strings.HasPrefix(doc, "#") && !strings.Contains(doc, "# ") {
				t.Errorf("Paragraphs(%q) holds an empty one", doc)
			}
		}
	})
}

// A drawing holds every pattern once, nothing outside its box, and a way from
// the users to each dependency through each instance.
func TestDiagramsHoldWhatTheStateHolds(t *testing.T) {
	counts := []int{1, 12, 13, 22}
	for _, k := range kind.All() { // what the services have, whatever joins the catalogue
		n := 0
		for _, p := range kind.Patterns(k.Name) {
			if p.Side == lab.Server && !p.Front {
				n++
			}
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	for _, patterns := range slices.Compact(counts) {
		for _, instances := range []int{1, 2, 4, 8} {
			others := []live.Node{
				{ID: "provider", Kind: "gate", Title: "Message provider"}, {ID: "second", Kind: "gate", Title: "Second provider"}, {ID: "broker", Kind: "queue", Title: "Broker: in memory", Note: "3 ready, 1 unacked, 0 dead letters; outbox 2, oldest 20ms"},
			}[:map[int]int{1: 0, 2: 1, 4: 2, 8: 3}[instances]]
			s := live.State{Nodes: []live.Node{
				{ID: "clients", Kind: "clients"}, {ID: "balancer", Kind: "balancer"}, {ID: "cache", Kind: "cache"}, {ID: "gate", Kind: "gate", Note: "20 slots × 20ms + SQLite"},
			}}
			for i := range instances {
				s.Nodes = append(s.Nodes, live.Node{ID: string(rune('a' + i)), Kind: "instance", Up: true})
			}
			ways := instances
			for _, n := range others {
				s.Nodes = append(s.Nodes, n)
				ways += instances
			}
			for i := range patterns {
				s.Patterns = append(s.Patterns, live.PatternState{Name: fmt.Sprintf("p%d", i), Side: lab.Server})
			}
			s.Patterns = append(s.Patterns, live.PatternState{Name: "theirs", Side: lab.Client})
			v := view.LabOf(s, nil, nil)
			for _, d := range []view.Diagram{v.Wide, v.Tall} {
				t.Run(fmt.Sprintf("%s, %d patterns, %d instances", d.Kind, patterns, instances), func(t *testing.T) { checkDiagram(t, d, patterns, instances, ways) })
			}
		}
	}
}

func checkDiagram(t *testing.T, d view.Diagram, chips, lanes, ways int) {
	t.Helper()
	var g struct {
		W, H   int
		Routes []struct{ Pts [][2]int }
		Stops  map[string]int
	}
	if err := json.Unmarshal([]byte(d.Geometry), &g); err != nil {
		t.Fatalf("geometry: %v", err)
	}
	if len(d.Chips) != chips || len(g.Stops) != chips || len(d.Lanes) != lanes || len(g.Routes) != ways {
		t.Errorf("%d chips, %d stops, %d lanes, %d ways; want %d, %d, %d, %d", len(d.Chips), len(g.Stops), len(d.Lanes), len(g.Routes), chips, chips, lanes, ways)
	}
	inside := func(what string, x, y, w, h int) {
		if x < 0 || y < 0 || x+w > g.W || y+h > g.H {
			t.Errorf("%s at %d,%d of %d×%d is outside %d×%d", what, x, y, w, h, g.W, g.H)
		}
	}
	for _, b := range d.Nodes {
		inside(b.ID, b.X, b.Y, b.W, b.H)
		inside("the title of "+b.ID, b.TextX, b.TitleY-12, 7*len(b.Title), 14)
		if b.TextX+7*len(b.Title) > b.X+b.W {
			t.Errorf("the title %q runs out of its box of %d", b.Title, b.W)
		}
		if b.ID == "broker" && (b.Title != "Broker" || b.Note != "in memory" || b.Fig != "3 ready" || !strings.HasPrefix(b.Fig2, "1 unacked")) {
			t.Errorf("the broker's box reads %q, %q, %q, %q", b.Title, b.Note, b.Fig, b.Fig2)
		}
		if b.Meter != (b.Kind == "gate") {
			t.Errorf("%s of kind %s has a meter: %v; only what has slots is busy", b.ID, b.Kind, b.Meter)
		}
	}
	for i, c := range d.Chips {
		inside(c.Name, c.X, c.Y, c.W, c.H)
		for j, o := range d.Chips {
			if d.Kind == "wide" && j != i && o.X <= c.SX1 && c.SX1 <= o.X+o.W && min(c.SY1, c.SY2) < o.Y+o.H && o.Y < max(c.SY1, c.SY2) {
				t.Errorf("the stem of %s runs through %s", c.Name, o.Name)
			}
			if j < i && c.X < o.X+o.W && o.X < c.X+c.W && c.Y < o.Y+o.H && o.Y < c.Y+c.H {
				t.Errorf("%s covers %s", c.Name, o.Name)
			}
		}
	}
}

func TestHeadlineIsAboutTheLastSeconds(t *testing.T) {
	var frames []live.Frame
	for range 100 {
		frames = append(frames, live.Frame{Offered: 100, Tries: 400, Good: 0})
	}
	for range 25 {
		frames = append(frames, live.Frame{Offered: 100, Tries: 100, Good: 95, P99: 62, Saturation: .8})
	}
	got := view.HeadlineOf(live.State{}, frames)
	want := view.Headline{Good: "95", Offered: "100", Share: "95 %", P99: "62 ms", Tries: "1.0×", Saturation: "80 %", Level: "warn", Verdict: "5 % of the users do not get an answer in time."}
	if got != want {
		t.Errorf("HeadlineOf() = %+v, want %+v", got, want)
	}
	if got := view.HeadlineOf(live.State{Confidence: "too busy"}, frames); got.Level != "idle" || got.Verdict != "too busy" {
		t.Errorf("HeadlineOf() with figures not to be trusted = %+v", got)
	}
}

// How a plugged-in answer fares is said in figures, and what is to be said of one
// that is not there yet.
func TestYoursInWords(t *testing.T) {
	state := live.PatternState{
		State: lab.Yours, Gauges: []lab.Gauge{{Name: lab.GaugeGuard, Text: "closed"}, {Name: "yours_p99_seconds", Value: .0042}},
		Counters: map[string]uint64{lab.EventDecisions: 90, lab.EventBatches: 30, lab.EventAgreed: 81, lab.EventDiffered: 9, lab.EventFallbacks: 7},
	}
	for _, c := range []struct {
		name   string
		change func(*live.PatternState)
		want   string
	}{
		{"it decides", func(*live.PatternState) {}, "yours: 90 decisions in 30 frames, 90.0 % as ours would, 99 in 100 within 4.2 ms; ours stood in for 7"},
		{"its guard is open", func(p *live.PatternState) {
			p.Gauges[0] = lab.Gauge{Name: lab.GaugeGuard, Value: 1, Text: "guard open: it hangs"}
		}, "yours: guard open: it hangs"},
		{"it is off", func(p *live.PatternState) { p.State = lab.On }, ""},
		{"it is not there yet", func(p *live.PatternState) { p.State, p.Remark = lab.Off, "is being compiled again" }, "is being compiled again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := state
			p.Gauges = slices.Clone(state.Gauges)
			c.change(&p)
			if got := view.SwitchOf(p, 0, "").Yours; got != c.want {
				t.Errorf("Yours = %q, want %q", got, c.want)
			}
		})
	}
}
