package view

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/live"
)

// Diagram is the service as it stands, drawn for a wide or a tall screen.
// Coordinates are in the units of the view box, one pixel at full size.
type Diagram struct {
	Kind     string // wide, tall
	Box      string // the SVG view box
	Width    string
	Height   string
	Nodes    []Box
	Chips    []Chip
	Lanes    []Lane
	Edges    []Line
	Service  Box
	Geometry string // JSON for the moving dots
}

// Box is one node.
type Box struct {
	ID, Kind, Title, Note string
	Fig, Fig2             string // of a queue; of others the page writes them
	X, Y, W, H            int
	Up                    bool
	Meter                 bool // whether it shows how busy it is
	TitleY, NoteY, FigY   int
	MeterX, MeterY        int
	MeterW                int
	TextX                 int
}

// Chip is one pattern in the service, with the gate that crosses the lanes.
type Chip struct {
	Name, State, Text string
	X, Y, W, H        int
	TextX, NameY, St  int
	GX1, GY1, GX2     int // the gate across the lanes
	GY2               int
	SX1, SY1, SX2     int // the stem from chip to gate
	SY2               int
}

// Lane is one instance: the way of a request through it.
type Lane struct {
	Name       string
	Up         bool
	X, Y, W, H int
	TX, TY     int
	FX         int // where its figures end; 0: there is no room for them
}

// Line is one arrow between nodes.
type Line struct{ X1, Y1, X2, Y2 int }

// geometry is what the dots need: the ways they go and where patterns stand.
type geometry struct {
	W      int            `json:"w"`
	H      int            `json:"h"`
	Tall   bool           `json:"tall"`
	Routes []route        `json:"routes"`
	Stops  map[string]int `json:"stops"` // pattern name to its place along the lanes
	Redis  [2]int         `json:"redis"`
	Enter  int            `json:"enter"` // where the service begins along the lanes
	Exit   int            `json:"exit"`
}

// route is one way from the clients through one instance to one dependency.
type route struct {
	Lane   string   `json:"lane"`
	To     string   `json:"to"`
	Points [][2]int `json:"pts"`
}

// split sorts a state's nodes by where they are drawn.
func split(s live.State) (instances []live.Node, by map[string]live.Node, behind []live.Node) {
	by = map[string]live.Node{}
	for _, n := range s.Nodes {
		by[n.ID] = n
		switch n.Kind {
		case "instance":
			instances = append(instances, n)
		case "gate", "provider", "queue":
			behind = append(behind, n)
		}
	}
	return instances, by, behind
}

func serverPatterns(s live.State) []live.PatternState {
	return slices.DeleteFunc(slices.Clone(s.Patterns), func(p live.PatternState) bool { return p.Side == lab.Client || p.Front })
}

// stand draws what stands before the balancer, if there is something, as a box of
// its own: a request that it answers goes no further.
func (d *Diagram) stand(edge live.Node, there bool, clients, balancer Box, x, y, w, h int) {
	if !there {
		return
	}
	b := box(edge, x, y, w, h)
	d.Nodes = append(d.Nodes, b)
	if d.Kind == "wide" {
		d.Edges = append(d.Edges, Line{clients.X + clients.W, clients.Y + 12, b.X, b.Y + b.H/2}, Line{b.X + b.W/2, b.Y + b.H, balancer.X + balancer.W/2, balancer.Y})
		return
	}
	d.Edges = append(d.Edges, Line{b.X + b.W - 20, clients.Y + clients.H, b.X + b.W - 20, b.Y}, Line{b.X + b.W, b.Y + b.H/2, balancer.X, balancer.Y + balancer.H/2})
}

// Measures of the wide drawing.
const (
	wideW, wideH     = 1056, 268
	wideMid          = 134 // the lanes' middle
	tier             = 46  // a further row of patterns, above and below
	serviceX, serveW = 252, 600
	laneGap          = 18
	chipW, chipH     = 82, 38
	laneW            = 12  // of the track that a request keeps to
	nodeW            = 160 // of what stands behind the service
	letterW          = 6.3 // of a note, about
)

// wideDiagram draws from left to right: users, balancer, service, database,
// with the patterns as gates across the instances' lanes.
func wideDiagram(s live.State) Diagram {
	instances, by, behind := split(s)
	patterns := serverPatterns(s)
	step := 0
	if len(patterns) > 1 {
		step = (serveW - 66 - chipW/2 - 14) / (len(patterns) - 1)
	}
	mid, high, rows := wideMid, wideH, 2
	if 2*step < chipW+4 { // two rows are too few: two more, whose stems pass between the chips of the nearer ones
		mid, high, rows = mid+tier, high+2*tier, 4
	}
	if need := rightH(behind, by) + 4; need > high { // what stands on the right is taller than the service
		mid, high = need/2, need
	}
	d := Diagram{Kind: "wide", Box: "0 0 " + strconv.Itoa(wideW) + " " + strconv.Itoa(high), Width: strconv.Itoa(wideW), Height: strconv.Itoa(high)}
	g := geometry{W: wideW, H: high, Stops: map[string]int{}, Enter: serviceX, Exit: serviceX + serveW}
	d.Service = Box{ID: "service", X: serviceX, Y: 6, W: serveW, H: high - 12, TextX: serviceX + 14, TitleY: 26}
	clients := box(by["clients"], 2, mid-52, 116, 104)
	balancer := box(by["balancer"], 136, mid-40, 100, 80)
	d.Nodes = append(d.Nodes, clients, balancer)
	edge, fronted := by["edge"]
	d.stand(edge, fronted, clients, balancer, 136, mid-118, 108, 56)

	gap := min(laneGap, 100/max(1, len(instances)-1)) // eight lanes still leave room for the patterns above and below
	half := gap * (len(instances) - 1) / 2
	track := min(laneW, gap-2)
	for i, p := range patterns {
		x := serviceX + 66 + i*step
		top := mid - 92 - i%rows/2*tier
		if i%2 == 1 {
			top = mid + 60 + i%rows/2*tier
		}
		c := Chip{Name: p.Name, State: p.State.String(), Text: chipText(p), X: x - chipW/2, Y: top, W: chipW, H: chipH, TextX: x, NameY: top + 17, St: top + 32}
		c.GX1, c.GX2, c.GY1, c.GY2 = x, x, max(mid-91, min(mid-half-13, mid-19)), mid+half+13
		c.SX1, c.SX2 = x, x
		if i%2 == 0 {
			c.SY1, c.SY2 = top+chipH, c.GY1
		} else {
			c.SY1, c.SY2 = c.GY2, top
		}
		g.Stops[p.Name] = x
		d.Chips = append(d.Chips, c)
	}
	gates := stackRight(behind, by, mid, &d)
	d.Edges = append(d.Edges, Line{clients.X + clients.W, mid, balancer.X, mid})
	for i, in := range instances {
		y := mid - half + i*gap
		d.Lanes = append(d.Lanes, Lane{Name: in.ID, Up: in.Up, X: serviceX, Y: y - track/2, W: serveW, H: track, TX: serviceX + 10, TY: y + 4, FX: serviceX + serveW - 6})
		for _, b := range gates {
			g.Routes = append(g.Routes, route{in.ID, b.ID, [][2]int{
				{clients.X + clients.W/2, mid}, {balancer.X + balancer.W/2, mid}, {serviceX, y}, {serviceX + serveW, y}, {b.X + b.W/2, b.Y + b.H/2},
			}})
		}
	}
	d.Geometry = encode(g)
	return d
}

// Heights of the boxes on the right: of one with a meter, of Redis, and between.
const rightHigh, rightLow, rightGap = 96, 48, 10

// rightH is how high all that stands on the right is.
func rightH(behind []live.Node, by map[string]live.Node) int {
	total := len(behind)*(rightHigh+rightGap) - rightGap
	if _, ok := by["cache"]; ok {
		total += rightLow + rightGap
	}
	return total
}

// stackRight places what stands behind the service on the right, Redis last.
func stackRight(behind []live.Node, by map[string]live.Node, mid int, d *Diagram) []Box {
	redis, hasRedis := by["cache"]
	y := max(2, mid-rightH(behind, by)/2)
	place := func(n live.Node, h int) Box {
		b := box(n, wideW-nodeW-2, y, nodeW, h)
		y += h + rightGap
		d.Edges = append(d.Edges, Line{serviceX + serveW, mid, b.X, b.Y + b.H/2})
		return b
	}
	var gates []Box
	for _, n := range behind {
		b := place(n, rightHigh)
		b.Meter = n.Kind == "gate"
		gates = append(gates, b)
	}
	d.Nodes = append(d.Nodes, gates...)
	if hasRedis {
		d.Nodes = append(d.Nodes, place(redis, rightLow))
	}
	return gates
}

// box places a node and the lines of text inside it.
func box(n live.Node, x, y, w, h int) Box {
	b := Box{ID: n.ID, Kind: n.Kind, Title: n.Title, Note: fit(n.Note, w-24), X: x, Y: y, W: w, H: h, Up: n.Up, TextX: x + 12, TitleY: y + 20, NoteY: y + 36, FigY: y + 54}
	b.MeterX, b.MeterY, b.MeterW = x+12, y+h-13, w-24
	if n.Kind == "queue" {
		b.queue(n)
	}
	return b
}

// queue writes which queue it is under its name, and what it holds as figures.
func (b *Box) queue(n live.Node) {
	name, which, _ := strings.Cut(n.Title, ": ")
	first, rest, _ := strings.Cut(strings.ReplaceAll(n.Note, ";", ","), ", ")
	b.Title, b.Note, b.Fig, b.Fig2 = name, fit(which, b.W-24), first, fit(rest, b.W-24)
}

// fit returns the words of a note that fit a width, so that no text runs out
// of its node; the drawer shows the whole.
func fit(note string, width int) string {
	out := ""
	for _, word := range strings.Fields(note) {
		longer := strings.TrimSpace(out + " " + word)
		if float64(utf8.RuneCountInString(longer))*letterW > float64(width) {
			break
		}
		out = longer
	}
	if before, inside, ok := strings.Cut(out, "("); ok && !strings.Contains(inside, ")") {
		out = before
	}
	return strings.TrimRight(out, " +·,")
}

// chipText says what a pattern does right now: its state, or the word of its
// first gauge that has one.
func chipText(p live.PatternState) string {
	if p.State == lab.Off || p.State == lab.Shadow {
		return p.State.String()
	}
	for _, g := range p.Gauges {
		if g.Text != "" && g.Name == "state" {
			return g.Text
		}
	}
	return p.State.String()
}

func encode(g geometry) string {
	b, err := json.Marshal(g)
	if err != nil {
		return "{}" // whole numbers and words always encode
	}
	return string(b)
}
