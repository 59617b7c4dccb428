package interview

import (
	"fmt"
	"math"
	"slices"

	"workbench/exercises/interview/claim"
)

// A mistake that nobody has foreseen has no pattern. What can be told without one is
// whether the sentences of an answer are nearer to what people say about its question
// when they are mistaken, or to what is true; see package claim. A single sentence may
// err either way, so that only an answer as a whole is doubted.

// A sentence's doubt is how much nearer it is to false claims, and a little of what
// its words are worth by themselves.
const (
	spreadOfNear = 0.03
	spreadOfOdds = 11
	outspoken    = 0.3  // a sentence that is shown
	doubtCost    = 2    // points, for each
	surely       = -2   // a sentence in which a mistake is misheard
	beyond       = 0.3  // below the bound, an answer is trusted
	fewest       = 3    // sentences that make an answer
	loudest      = 2    // a sentence counts no more than this, and a true one half as much again
	clearly      = -1.2 // a sentence that is taken to be true
)

// An answer's doubt is the mean of its sentences, less what it says of what the question
// wants, which a longer answer has more of: trust for each logarithm of concepts. Of
// the kept answers 19 of 703 right ones are above the mode's bound, each a middling one,
// and 453 of 479 wrong ones (TestWhoIsDoubted).
const trust = 0.4

var doubtful = map[Mode]float64{Minute: -0.6, Five: -1.05, Round: -1.1}

// doubt is how much a sentence speaks as false claims do.
func (w opinion) doubt() float64 { return w.Near/spreadOfNear + w.Odds/spreadOfOdds }

// opinion is what is thought of a sentence; one that claims nothing of its own does not
// count.
type opinion struct {
	claim.Weight
	counts bool
}

// opinions weighs the sentences of an answer.
func (r *reading) opinions() []opinion {
	if len(r.c.asked[r.q].points) == 0 {
		return nil
	}
	judge := r.c.asked[r.q].judge()
	out := make([]opinion, len(r.lines))
	for i := range r.lines {
		l := &r.lines[i]
		w, ok := judge.Weigh(l.Sentence)
		out[i] = opinion{w, ok && !l.again && !l.Question && !l.quoted && len(l.cues[distance]) == 0 && l.alive >= 0.5}
	}
	return out
}

// doubted returns the sentences for which an answer is doubted, and its ceiling; all
// that speak so much as false claims do earn nothing then. A learner who overrules one
// of them takes it, and all that is near the same claims, out of the judgement.
func (r *reading) doubted(rulings []Ruling) ([]Fault, []Ceiling) {
	r.lose(func(opinion) bool { return false })
	bound := doubtful[r.c.questions[r.q].Mode]
	if r.suspicion(r.weighed(nil).right, nil) <= bound || r.topicality() < ownSubject {
		return nil, nil
	}
	out := r.suspects(rulings)
	over := r.suspicion(r.weighed(rulings).right, rulings) - bound
	if over <= 0 {
		return out, nil
	}
	r.lose(func(w opinion) bool {
		return w.counts && w.doubt() > outspoken && overruled(rulings, r.claimID(w)) == nil
	})
	reason := "Little of it is near to what is true of this question: say what happens, why, and what you would do."
	if r.mean(rulings) > 0 {
		reason = "As a whole it is nearer to what people get wrong about this question than to what is true: see the sentences that are marked."
	}
	return out, []Ceiling{{int(math.Round(clamp(40-12*over, 12, 40))), reason}}
}

// lose takes away what the sentences of which some opinion is held have earned, and
// gives it to all others.
func (r *reading) lose(held func(opinion) bool) {
	changed := false
	for i, w := range r.opinion {
		is := held(w)
		changed = changed || is != r.lines[i].doubted
		r.lines[i].doubted = is
	}
	if changed {
		r.credits()
	}
}

// suspicion is the doubt of an answer that says so much of what is wanted.
func (r *reading) suspicion(right float64, rulings []Ruling) float64 {
	return r.mean(rulings) - trust*math.Log(0.3+right)
}

// mean is the doubt of the sentences. Too few that claim a thing are no ground for one.
func (r *reading) mean(rulings []Ruling) float64 {
	sum, n := 0.0, 0.0
	for _, w := range r.opinion {
		if w.counts && overruled(rulings, r.claimID(w)) == nil {
			sum += clamp(w.doubt(), -1.5*loudest, loudest)
			n++
		}
	}
	if n < fewest {
		return math.Inf(-1)
	}
	return sum / n
}

// trusted reports whether an answer as a whole is so near to what is true that a single
// mistake which was heard in it is more likely misheard than the heart of it.
func (r *reading) trusted(right float64) bool {
	s := r.suspicion(right, nil)
	return !math.IsInf(s, 0) && s < doubtful[r.c.questions[r.q].Mode]-beyond
}

// misheard takes back the mistakes that were heard in sentences which are surely near
// to what is true, in an answer that is trusted as a whole; it reports whether there
// are any. What is denied is near to what it denies, and says nothing.
func (r *reading) misheard() bool {
	if !r.trusted(r.weighed(nil).right) {
		return false
	}
	before := len(r.wrongs)
	r.wrongs = slices.DeleteFunc(r.wrongs, func(w wrongHit) bool {
		sure := !w.m.Denied && r.opinion[w.line].counts && r.opinion[w.line].doubt() < surely
		r.lines[w.line].wrong = r.lines[w.line].wrong && !sure
		return sure
	})
	return len(r.wrongs) < before
}

// true reports whether a sentence is near to what is true of the question, though no
// concept may have heard it.
func (r *reading) true(i int) bool {
	return i < len(r.opinion) && r.opinion[i].counts && r.opinion[i].doubt() < clearly
}

// suspects returns the sentences that speak most as false claims do, one for each
// point, and the worst if it does so at all.
func (r *reading) suspects(rulings []Ruling) []Fault {
	worst := -1
	for i, w := range r.opinion {
		if w.counts && (worst < 0 || w.doubt() > r.opinion[worst].doubt()) {
			worst = i
		}
	}
	var out []Fault
	shown := map[int]bool{} // points
	for i, w := range r.opinion {
		if !w.counts || w.Point < 0 || shown[w.Point] || w.doubt() <= outspoken && (i != worst || w.doubt() <= 0) {
			continue
		}
		shown[w.Point] = true
		out = append(out, Fault{
			ID: r.claimID(w), Cost: doubtCost, Span: Span{i, r.lines[i].Start, r.lines[i].End}, Ruling: overruled(rulings, r.claimID(w)),
			Says: "This is near to what is often said wrongly here. True is: " + r.c.asked[r.q].points[w.Point].Right[0],
		})
	}
	return out
}

func (r *reading) claimID(w opinion) string {
	return fmt.Sprintf("%s/claim-%d", r.c.questions[r.q].ID, w.Point+1)
}

// overruled returns the ruling by which a learner says that a thing is not wrong.
func overruled(rulings []Ruling, id string) *Ruling {
	for i := range rulings {
		if rulings[i].Concept == id && rulings[i].Verdict == NotWrong {
			return &rulings[i]
		}
	}
	return nil
}
