package interview

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// share is which part of the wanted weight makes a full answer: nobody says
// everything in a minute.
func share(m Mode) float64 {
	switch m {
	case Minute:
		return 0.50
	case Five:
		return 0.85
	}
	return 0.85
}

// Score judges an answer. The error wraps ErrUnknown, or names a ruling that
// cannot be applied.
func (c *Catalog) Score(question string, a Answer) (Result, error) {
	q, ok := c.byID[question]
	if !ok {
		return Result{}, fmt.Errorf("%w %q: see the list of questions", ErrUnknown, question)
	}
	for _, v := range a.Rulings {
		if v.Verdict != Said && v.Verdict != NotSaid && v.Verdict != NotWrong || strings.TrimSpace(v.Reason) == "" {
			return Result{}, fmt.Errorf("ruling on %q: want the verdict said, not-said or not-wrong, and a reason", v.Concept)
		}
	}
	a.Text = strings.ToValidUTF8(a.Text, " ")
	r := c.read(q, a.Text)
	out := r.result(a, nil)
	out.Automatic = out.Total
	if len(a.Rulings) > 0 {
		automatic := out.Total
		out = r.result(a, a.Rulings)
		out.Automatic, out.Rulings = automatic, slices.Clone(a.Rulings)
	}
	return out, nil
}

// result makes a reading into a result.
func (r *reading) result(a Answer, rulings []Ruling) Result {
	q := r.c.questions[r.q]
	out := Result{Question: q.ID}
	for _, l := range r.lines {
		out.Sentences = append(out.Sentences, a.Text[l.Start:l.End])
	}
	out.Claims = r.evidence(a.Evidence)
	suspects, tops := r.doubted(rulings)
	j := r.weighed(rulings)
	total := 0.0
	for _, d := range []Dimension{Scope, Design, Depth, Tradeoff} {
		p := r.part(d, j, out.Claims)
		total += p.Points
		out.Parts = append(out.Parts, p)
	}
	delivery, pace := r.delivery(a, j)
	out.Parts, out.Pace = append(out.Parts, delivery), pace
	total += delivery.Points
	for _, p := range out.Parts {
		if p.Points < 0.05 {
			out.Empty = append(out.Empty, p.Dimension)
		}
	}
	wrong, known, hearts := 0.0, 0.0, 0
	for _, w := range r.wrongs {
		f := r.price(w, rulings)
		if f.Ruling == nil {
			total -= f.Cost
			wrong += f.Cost / costOf("")
			if w.kind == "" {
				known++
			}
			if w.heart {
				hearts++
			}
		}
		out.Faults = append(out.Faults, f)
	}
	for _, f := range suspects {
		if f.Ruling == nil {
			total -= f.Cost
		}
	}
	out.Faults = append(out.Faults, suspects...)
	out.Ceilings = append(r.ceilings(j, wrong, known), tops...)
	if hearts > 0 {
		out.Ceilings = append(out.Ceilings, Ceiling{max(15, 38-8*(hearts-1)), "It has the heart of the question the wrong way round; an interviewer would hear little else."})
	}
	// Mistakes about the question are still worth more than another subject.
	out.Total = int(math.Round(clamp(max(total, least*j.topic), 0, 100)))
	for _, top := range out.Ceilings {
		out.Total = min(out.Total, top.At)
	}
	return out
}

// least is what an answer to the question keeps, however wrong it is.
const least = 9

// judged is what counts for each wanted concept, after rulings.
type judged struct {
	items    []judgedItem
	coverage float64 // of what makes a full answer, 0..1
	right    float64 // concepts said
	topic    float64 // sentences about the question, whether or not they say what is wanted; 0..1
}

type judgedItem struct {
	need   need
	said   said
	ruling *Ruling
}

func (r *reading) weighed(rulings []Ruling) judged {
	var j judged
	earned, wanted := 0.0, 0.0
	for _, n := range r.c.asked[r.q].needs {
		s, heard := r.best[n.concept]
		if !heard {
			s.grade = Missing
		}
		it := judgedItem{need: n, said: s}
		for i := range rulings {
			if rulings[i].Concept != r.c.concepts[n.concept].ID {
				continue
			}
			switch rulings[i].Verdict {
			case Said:
				it.said.credit, it.said.grade, it.ruling = 1, Explained, &rulings[i]
			case NotSaid:
				it.said, it.ruling = said{grade: Missing}, &rulings[i]
			}
		}
		earned += n.weight * it.said.credit
		wanted += n.weight
		j.right += it.said.credit
		j.items = append(j.items, it)
	}
	j.topic = clamp((r.topicality()-0.18)/0.14, 0, 1) * clamp(1.2-2*r.saladShare(), 0, 1) * clamp(float64(r.words)/25, 0, 1)
	j.coverage = clamp(earned/(share(r.c.questions[r.q].Mode)*wanted), 0, 1)
	return j
}

// gate keeps general merits from counting in an answer that is beside the question.
func (j judged) gate(full float64) float64 {
	return clamp(max(j.coverage/full, 0.95*j.topic), 0, 1)
}

func costOf(kind string) float64 {
	switch cue(kind) {
	case dismissal:
		return 8
	case overclaim:
		return 4
	}
	return 9
}

// price says what a mistake costs, or that the learner overruled it.
func (r *reading) price(w wrongHit, rulings []Ruling) Fault {
	f := Fault{ID: w.id, Says: w.says, Cost: costOf(string(w.kind)), Span: Span{w.line, w.m.Start, w.m.End}}
	f.Ruling = overruled(rulings, w.id)
	return f
}

// ceilings says which limits hold for the whole score.
func (r *reading) ceilings(j judged, wrong, known float64) []Ceiling {
	var out []Ceiling
	if salad := r.saladShare(); salad >= 0.45 { // steep to 20 at 0.6, then slowly to 5
		at := max(60-40*(salad-0.45)/0.15, 20) - 15*max(salad-0.6, 0)/0.4
		out = append(out, Ceiling{int(math.Round(at)), "Most of it is a row of terms, not sentences: say what each does, when and why."})
	}
	spread := known / float64(max(len(r.lines), 1)) // mistakes that are surely some, for each sentence
	if share := wrong / (wrong + j.right + 0.01); !(known < 2 && r.trusted(j.right)) && wrong >= 0.05*float64(len(r.lines)) && (wrong >= 1.7 && share >= 0.2 || wrong >= 0.8 && (share >= 0.3 || spread >= 0.2)) {
		at := 30 - 3*wrong - 30*(share-0.2)
		out = append(out, Ceiling{int(clamp(math.Round(at), 9, 30)), "Too much of what is said with confidence is wrong; an interviewer would stop believing the rest."})
	}
	if topic := r.topicality(); topic < ownSubject && j.coverage < 0.2 && r.words > 0 {
		out = append(out, Ceiling{int(math.Round(9 * clamp((topic-0.05)/0.18, 0, 1))), "It hardly speaks of the question."})
	} else if topic < ownSubject && r.words > 0 {
		out = append(out, Ceiling{int(math.Round(5 + 35*clamp((topic-0.175)/0.055, 0, 1))), "Most of it belongs to another subject."})
	}
	if foreign := r.foreign(); foreign > 0 {
		out = append(out, Ceiling{int(math.Round(40 - 31*foreign)), "It uses the question's words, but most others are of another trade: say what the system does."})
	}
	if top, ok := r.tone().certain(r.c.questions[r.q].Mode); ok {
		out = append(out, top)
	}
	return out
}

// Terms can be strung together by words that say nothing ("which, hence, brings
// us to"). What gives them away over some length is that commas and long words
// come together more often than anybody speaks: of what is not a row of terms,
// none of over 400 answers comes to more than a quarter of its words.
const (
	strungWords = 50
	strungFrom  = 0.26
	strungFully = 0.34
)

// saladShare is which part of the words stands in rows of terms.
func (r *reading) saladShare() float64 {
	dead, all, strung := 0.0, 0.0, 0.0
	for i := range r.lines {
		l := &r.lines[i]
		n := float64(len(l.Words))
		all += n
		strung += float64(l.Separators())
		for _, w := range l.Words {
			if len(w.Text) > 8 {
				strung++
			}
		}
		if l.again {
			dead += n
			continue
		}
		dead += n * (1 - l.alive)
	}
	if all < 6 {
		return 0
	}
	share := dead / all
	if all >= strungWords {
		share = max(share, clamp((strung/all-strungFrom)/(strungFully-strungFrom), 0, 1))
	}
	return share
}

// cut returns at most n bytes of a text, whole letters only.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
