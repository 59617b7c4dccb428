package interview

import "math"

// vocabularies learns which words belong to each question, and how rare they
// are among questions.
func (c *Catalog) vocabularies() {
	seen := map[string]int{}
	for i, q := range c.questions {
		words := c.contentStems(q.Text + "\n" + q.Model.Sentence + "\n" + q.Model.Minute + "\n" + q.Model.Full)
		for _, n := range c.asked[i].needs {
			for s := range c.bags[n.concept] {
				words[s] = true
			}
		}
		c.asked[i].words = words
		for s := range words {
			seen[s]++
		}
	}
	c.rarity = map[string]float64{}
	for s, n := range seen {
		c.rarity[s] = math.Log(1 + float64(len(c.questions))/float64(n))
	}
}

// strange is the weight of a word that no question knows.
const strange = 2.2

// ownSubject is from where on an answer speaks of the question's subject.
const ownSubject = 0.23

// topicality is which part of what an answer speaks of belongs to the question,
// 0 for another subject, 1 for most of a good answer.
func (r *reading) topicality() float64 {
	own, all := 0.0, 0.0
	seen := map[string]bool{}
	for i := range r.lines {
		l := &r.lines[i]
		if l.echo || l.again {
			continue
		}
		for _, w := range l.Words {
			if r.c.function[w.Text] || w.Number() || seen[w.Stem] || len(w.Stem) < 3 {
				continue
			}
			seen[w.Stem] = true
			weight, known := r.c.rarity[w.Stem]
			if !known {
				weight = strange
			}
			all += weight
			if r.c.asked[r.q].words[w.Stem] {
				own += weight
			}
		}
	}
	if len(seen) < 5 {
		return 0
	}
	return own / all
}

// A subject that shares its words with a question ("feed", "post", "follower" to
// those who sell shoes there) is told from it by the other words. Of answers that
// have so many different ones and are about the question, none has more than a
// fifth that no question and no model answer knows.
const (
	foreignWords = 60
	foreignFrom  = 0.24
	foreignFully = 0.28
	foreignTopic = 0.28 // what belongs so much to the question may use any words
)

// foreign says how surely an answer speaks the language of another trade, 0..1.
func (r *reading) foreign() float64 {
	strange := 0.0
	seen := map[string]bool{}
	for i := range r.lines {
		for _, w := range r.lines[i].Words {
			if r.c.function[w.Text] || w.Number() || seen[w.Stem] || len(w.Stem) < 3 {
				continue
			}
			seen[w.Stem] = true
			if _, known := r.c.rarity[w.Stem]; !known {
				strange++
			}
		}
	}
	if len(seen) < foreignWords || r.topicality() >= foreignTopic {
		return 0
	}
	return clamp((strange/float64(len(seen))-foreignFrom)/(foreignFully-foreignFrom), 0, 1)
}
