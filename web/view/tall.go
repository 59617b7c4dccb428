package view

import (
	"strconv"

	"workbench/lab/live"
)

// Measures of the tall drawing, for phones.
const (
	tallW            = 360
	tallMid          = tallW / 2
	tallTop          = 212 // where the service begins
	tallStep         = 34  // between patterns, left and right in turn
	tallChipW        = 112
	tallLane         = 16
	tallHead, tallGo = 40, 14 // room before the first and after the last pattern
)

// tallDiagram draws the same from top to bottom.
func tallDiagram(s live.State) Diagram {
	instances, by, behind := split(s)
	patterns := serverPatterns(s)
	serviceH := tallHead + len(patterns)*tallStep + tallGo
	end := tallTop + serviceH
	height := end + belowH(behind, by)
	d := Diagram{Kind: "tall", Box: "0 0 " + strconv.Itoa(tallW) + " " + strconv.Itoa(height), Width: strconv.Itoa(tallW), Height: strconv.Itoa(height)}
	g := geometry{W: tallW, H: height, Tall: true, Stops: map[string]int{}, Enter: tallTop, Exit: end}
	d.Service = Box{ID: "service", X: 6, Y: tallTop, W: tallW - 12, H: serviceH, TextX: 20, TitleY: tallTop + 22}
	clients := box(by["clients"], tallMid-110, 4, 220, 88)
	balancer := box(by["balancer"], tallMid-90, 126, 180, 54)
	edge, fronted := by["edge"]
	if fronted { // it makes room beside it
		balancer = box(by["balancer"], tallMid-52, 126, 104, 54)
	}
	d.Nodes = append(d.Nodes, clients, balancer)
	d.stand(edge, fronted, clients, balancer, 6, 126, tallMid-52-6-12, 54)
	d.Edges = append(d.Edges, Line{tallMid, clients.Y + clients.H, tallMid, balancer.Y}, Line{tallMid, balancer.Y + balancer.H, tallMid, tallTop})

	half := tallLane * (len(instances) - 1) / 2
	for i, p := range patterns {
		y := tallTop + tallHead + i*tallStep + tallStep/2
		x := 14
		if i%2 == 1 {
			x = tallW - 14 - tallChipW
		}
		c := Chip{Name: p.Name, State: p.State.String(), Text: chipText(p), X: x, Y: y - chipH/2, W: tallChipW, H: chipH, TextX: x + tallChipW/2, NameY: y - 3, St: y + 12}
		c.GX1, c.GX2, c.GY1, c.GY2 = tallMid-half-12, tallMid+half+12, y, y
		c.SY1, c.SY2 = y, y
		if i%2 == 0 {
			c.SX1, c.SX2 = x+tallChipW, c.GX1
		} else {
			c.SX1, c.SX2 = c.GX2, x
		}
		g.Stops[p.Name] = y
		d.Chips = append(d.Chips, c)
	}
	gates := stackBelow(behind, by, end+belowTop, &d)
	for i, in := range instances {
		x := tallMid - half + i*tallLane
		d.Lanes = append(d.Lanes, Lane{Name: in.ID, Up: in.Up, X: x - laneW/2, Y: tallTop, W: laneW, H: serviceH, TX: x - 4, TY: tallTop + 14})
		for _, b := range gates {
			way := [][2]int{{tallMid, clients.Y + clients.H/2}, {tallMid, balancer.Y + balancer.H/2}, {x, tallTop}, {x, end}}
			if b.Y > end+belowTop { // past the boxes of the first row
				way = append(way, [2]int{aisle(b), end + belowTop/2}, [2]int{aisle(b), b.Y + b.H/2})
			}
			g.Routes = append(g.Routes, route{in.ID, b.ID, append(way, [2]int{b.X + b.W/2, b.Y + b.H/2})})
		}
	}
	d.Geometry = encode(g)
	return d
}

// Measures of what stands below: the way down to it, the boxes' height, between.
const belowTop, belowHigh, belowGap = 28, 96, 8

// belowRow is how many boxes stand side by side: four and more make two rows.
func belowRow(behind []live.Node, by map[string]live.Node) (count, inRow int) {
	count = len(behind)
	if _, ok := by["cache"]; ok {
		count++
	}
	if count > 3 {
		return count, (count + 1) / 2
	}
	return count, max(1, count)
}

// belowH is how high all that stands below is, with the way down to it.
func belowH(behind []live.Node, by map[string]live.Node) int {
	count, inRow := belowRow(behind, by)
	rows := max(1, (count+inRow-1)/inRow)
	return belowTop + rows*(belowHigh+belowGap) - belowGap + 2
}

// aisle is where the way to a box of the second row passes the first.
func aisle(b Box) int {
	if b.X == belowGap-2 {
		return b.X + b.W + belowGap/2
	}
	return b.X - belowGap/2
}

// brief is a title in a narrow box: its first words.
func brief(title string, width int) string {
	if short := fit(title, width); short != "" {
		return short
	}
	return title
}

// stackBelow places Redis and the dependencies side by side under the service.
func stackBelow(behind []live.Node, by map[string]live.Node, y int, d *Diagram) []Box {
	const left = belowGap - 2
	_, inRow := belowRow(behind, by)
	w := (tallW - 2*left - belowGap*(inRow-1)) / inRow
	n := 0
	place := func(node live.Node) Box {
		b := box(node, left+n%inRow*(w+belowGap), y+n/inRow*(belowHigh+belowGap), w, belowHigh)
		b.Title = brief(b.Title, w-24)
		if n < inRow {
			d.Edges = append(d.Edges, Line{b.X + w/2, y - belowTop, b.X + w/2, y})
		} else {
			d.Edges = append(d.Edges, Line{aisle(b), y - belowTop, aisle(b), b.Y + 20}, Line{aisle(b), b.Y + 20, b.X + min(w, max(0, aisle(b)-b.X)), b.Y + 20})
		}
		n++
		return b
	}
	if redis, ok := by["cache"]; ok {
		d.Nodes = append(d.Nodes, place(redis))
	}
	var out []Box
	for _, node := range behind {
		b := place(node)
		b.Meter = node.Kind == "gate"
		out = append(out, b)
	}
	d.Nodes = append(d.Nodes, out...)
	return out
}
