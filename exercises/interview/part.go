package interview

import (
	"math"
	"slices"

	"workbench/exercises/interview/phrase"
)

// part adds up one dimension: what the question wants, what else was said that
// belongs to it, and how it was said.
func (r *reading) part(d Dimension, j judged, claims []Claim) Part {
	p := Part{Dimension: d, Max: d.Max()}
	general, weight := r.general(d, j, claims)
	wanted := 0.0
	for _, it := range j.items {
		if it.need.part == d {
			wanted += it.need.weight
		}
	}
	room := d.Max() * (1 - weight)
	if wanted == 0 {
		room, general.Max = 0, d.Max()
	} else {
		general.Max = d.Max() * weight
	}
	general.Points *= general.Max
	full := max(share(r.c.questions[r.q].Mode)*wanted, 1)
	for _, it := range j.items {
		if it.need.part != d {
			continue
		}
		k := r.c.concepts[it.need.concept]
		item := Item{Concept: k.ID, Says: k.Says, Grade: it.said.grade, Max: min(room, room*it.need.weight/full), Points: room * it.need.weight * it.said.credit / full, Ruling: it.ruling}
		if it.said.grade != Missing && it.said.span.End > 0 {
			item.Spans = []Span{it.said.span}
		}
		p.Items = append(p.Items, item)
	}
	p.Items = append(p.Items, r.related(d, j, room, full)...)
	fit(p.Items, room)
	p.Items = append(p.Items, general)
	if d == Design || d == Depth || d == Tradeoff {
		if own := r.plain(d, j); own.Points > 0 {
			p.Items = append(p.Items, own)
		}
	}
	for i := range p.Items {
		p.Items[i].Points = tenth(p.Items[i].Points)
		p.Items[i].Max = tenth(p.Items[i].Max)
		p.Points += p.Items[i].Points
	}
	p.Points = tenth(min(p.Points, p.Max))
	return p
}

func tenth(x float64) float64 { return math.Round(x*10) / 10 }

// fit scales items down to the room that there is.
func fit(items []Item, room float64) {
	sum := 0.0
	for _, it := range items {
		sum += it.Points
	}
	if sum <= room {
		return
	}
	for i := range items {
		items[i].Points *= room / sum
	}
}

// related credits what was said beyond the wanted, on the question's topics.
func (r *reading) related(d Dimension, j judged, room, full float64) []Item {
	topics := r.c.asked[r.q].topics
	var out []Item
	gate := j.gate(0.4)
	for k, s := range r.c.concepts {
		best, heard := r.best[k]
		if !heard || s.Part != d || !topics[s.Topic] || r.wanted(k) || best.credit < 0.5 {
			continue
		}
		out = append(out, Item{Concept: s.ID, Says: s.Says, Grade: best.grade, Points: room * best.credit / full * gate, Max: tenth(0.3 * room), Spans: []Span{best.span}})
	}
	fit(out, 0.3*room)
	return out
}

// plenty is how many figures, reasons and costs an answer of a mode has when
// nobody would ask for more. The first ones are worth most.
var plenty = map[Mode]struct{ figures, reasons, costs, worked float64 }{
	Minute: {8, 8, 6, 9}, Five: {26, 24, 16, 28}, Round: {52, 38, 26, 44},
}

// growing is the share of full marks for n of what is plenty.
func growing(n, plenty float64) float64 { return math.Sqrt(clamp(n/plenty, 0, 1)) }

// general judges how a thing was said: figures and assumptions for scope,
// reasons for depth, contrasts for trade-offs. Points are a share of 1 here.
// The second value is the weight that it has in the part.
func (r *reading) general(d Dimension, j judged, claims []Claim) (Item, float64) {
	gate := j.gate(0.45)
	full := plenty[r.c.questions[r.q].Mode]
	switch d {
	case Scope:
		return r.figures(gate, full.figures, claims), 0.5
	case Depth:
		it := r.cueItem("Gives reasons, conditions and figures: because, so, if, otherwise.", full.reasons, gate, because, condition, figure)
		return it, 0.35
	case Tradeoff:
		it := r.cueItem("Says what it costs, when it fails and what not to do: but, unless, the price is, not.", full.costs, gate, contrast, refusal)
		return it, 0.45
	}
	worked := r.cueItem("", full.worked, gate, because, condition, contrast, figure)
	it := Item{Says: "Answers the question as a whole, and works it out: with figures, reasons, conditions and costs.", Grade: Missing}
	it.Points = 0.3*max(j.coverage, 0.8*j.topic) + 0.7*worked.Points
	if it.Points > 0 {
		it.Grade = Named
		for _, x := range j.items {
			if x.said.span.End > 0 && x.said.grade != Denied && !slices.Contains(it.Spans, x.said.span) {
				it.Spans = append(it.Spans, x.said.span)
			}
		}
	}
	return it, 0.45
}

// cueItem credits sentences with such words, up to as many as needed.
func (r *reading) cueItem(says string, needed, gate float64, kinds ...cue) Item {
	it := Item{Says: says, Grade: Missing}
	n := 0.0
	for i := range r.lines {
		l := &r.lines[i]
		if l.again || l.echo || l.lost() || l.denied || l.alive < 0.4 {
			continue
		}
		for _, k := range kinds {
			if k == refusal && slices.ContainsFunc(l.Words, func(w phrase.Word) bool { return w.Text == "not" || w.Text == "no" || w.Text == "never" }) {
				it.Spans = append(it.Spans, Span{i, l.Start, l.End})
				n++
				break
			}
			if k == figure && len(l.quantities) > 0 {
				it.Spans = append(it.Spans, Span{i, l.quantities[0].Start, l.quantities[0].End})
				n++
				break
			}
			if ms := l.cues[k]; len(ms) > 0 {
				it.Spans = append(it.Spans, Span{i, ms[0].Start, ms[0].End})
				n++
				break
			}
		}
	}
	it.Points = growing(n, needed) * gate
	if n > 0 {
		it.Grade = Named
	}
	return it
}

// figures credits quantities, the kinds that the question asks for, assumptions
// and citations.
func (r *reading) figures(gate, needed float64, claims []Claim) Item {
	it := Item{Says: "Puts figures on it and says what is assumed.", Grade: Missing}
	n := 0.0
	kinds := map[phrase.Kind]bool{}
	for i := range r.lines {
		l := &r.lines[i]
		if l.again || l.echo || l.lost() || l.alive < 0.3 {
			continue
		}
		for _, x := range l.quantities {
			n += 1
			kinds[x.Kind] = true
			it.Spans = append(it.Spans, Span{i, x.Start, x.End})
		}
		if ms := l.cues[assumption]; len(ms) > 0 {
			n += 0.7
			it.Spans = append(it.Spans, Span{i, ms[0].Start, ms[0].End})
		}
		if len(l.cues[condition]) > 0 {
			n += 0.4
		}
	}
	for _, claim := range claims {
		if claim.Backed != nil {
			n++
		}
	}
	it.Points = growing(n, needed)
	if want := r.c.questions[r.q].Numbers; len(want) > 0 {
		have := 0.0
		for _, k := range want {
			if kinds[k] {
				have++
			}
		}
		it.Points = 0.7*it.Points + 0.3*have/float64(len(want))
	}
	it.Points *= gate
	if len(it.Spans) > 0 {
		it.Grade = Named
	}
	return it
}
