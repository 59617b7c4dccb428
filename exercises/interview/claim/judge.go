package claim

import (
	"math"
	"slices"

	"workbench/exercises/interview/phrase"
)

const (
	reach     = 4   // words between the two of a pair, at most
	smoothing = 0.1 // added to each count
	nearest   = 3   // claims of each kind that a sentence is compared with
	shortest  = 4   // words; what is shorter claims nothing
)

// Judge weighs what is said about one question. It is read only and safe for
// concurrent use.
type Judge struct {
	index  map[string]int // of each word and each ordered pair of near words
	rarity []float64      // by gram
	odds   []float64      // by gram, logarithmic: above 0 it stands in false claims
	novel  float64        // rarity of what no claim has
	claims []made
}

// made is a claim made ready.
type made struct {
	wrong bool
	point int
	grams []int // sorted
	norm  float64
}

// Weight is how much a sentence speaks as false claims do rather than as true ones:
// above 0 more like false ones.
type Weight struct {
	Near  float64 // how much nearer it is to its nearest false claims, -1..1
	Odds  float64 // of its words, in claims of either kind
	Point int     // the index of the point of the nearest false claim that has one, or -1
}

// New learns what is known of a question, and texts that are true of it. Split cuts a
// text into sentences.
func New(k Known, truths []string, split func(text string) []phrase.Sentence) *Judge {
	j := &Judge{index: map[string]int{}}
	for i, p := range k.Points {
		for _, text := range p.Right {
			j.add(split(text), false, i)
		}
		for _, text := range p.Wrong {
			j.add(split(text), true, i)
		}
	}
	for _, text := range k.Right {
		j.add(split(text), false, -1)
	}
	for _, text := range k.Wrong {
		j.add(split(text), true, -1)
	}
	for _, text := range truths {
		for _, s := range split(text) {
			j.add([]phrase.Sentence{s}, false, -1)
		}
	}
	j.learn()
	return j
}

func (j *Judge) add(text []phrase.Sentence, wrong bool, point int) {
	m := made{wrong: wrong, point: point}
	for _, s := range text {
		each(s, func(gram string) {
			g, known := j.index[gram]
			if !known {
				g = len(j.index)
				j.index[gram] = g
			}
			m.grams = append(m.grams, g)
		})
	}
	slices.Sort(m.grams)
	m.grams = slices.Compact(m.grams)
	j.claims = append(j.claims, m)
}

// each calls do for each word and each ordered pair of near words of a sentence.
func each(s phrase.Sentence, do func(gram string)) {
	for i, w := range s.Words {
		do(w.Stem)
		for k := i + 1; k <= min(i+reach, len(s.Words)-1); k++ {
			do(w.Stem + " " + s.Words[k].Stem)
		}
	}
}

// learn counts in how many true and false claims each gram stands.
func (j *Judge) learn() {
	count := [2][]float64{make([]float64, len(j.index)), make([]float64, len(j.index))}
	all := [2]float64{}
	for _, m := range j.claims {
		side := 0
		if m.wrong {
			side = 1
		}
		all[side]++
		for _, g := range m.grams {
			count[side][g]++
		}
	}
	n := float64(len(j.claims))
	share := func(g, side int) float64 { return (count[side][g] + smoothing) / (all[side] + 2*smoothing) }
	j.novel = math.Log(1 + n)
	for g := range len(j.index) {
		j.rarity = append(j.rarity, math.Log(1+n/(1+count[0][g]+count[1][g])))
		j.odds = append(j.odds, math.Log(share(g, 1)/share(g, 0)))
	}
	for i := range j.claims {
		j.claims[i].norm = j.norm(j.claims[i].grams, 0)
	}
}

// norm is the length of a vector of grams, of which some are unknown.
func (j *Judge) norm(grams []int, unknown int) float64 {
	sum := float64(unknown) * j.novel * j.novel
	for _, g := range grams {
		sum += j.rarity[g] * j.rarity[g]
	}
	return math.Sqrt(sum)
}

// Weigh compares a sentence with the claims of the bank; false means that it is too
// short to claim a thing.
func (j *Judge) Weigh(s phrase.Sentence) (Weight, bool) {
	if len(s.Words) < shortest {
		return Weight{Point: -1}, false
	}
	grams, unknown := j.grams(s)
	norm := j.norm(grams, unknown)
	var right, wrong top
	point, most := -1, 0.0
	for _, m := range j.claims {
		if len(m.grams) == 0 {
			continue
		}
		like := j.common(grams, m.grams) / (norm * m.norm)
		if !m.wrong {
			right.note(like)
			continue
		}
		wrong.note(like)
		if m.point >= 0 && like > most {
			point, most = m.point, like
		}
	}
	odds := 0.0
	for _, g := range grams {
		odds += j.odds[g]
	}
	return Weight{Near: wrong.mean() - right.mean(), Odds: odds / math.Sqrt(float64(len(grams)+1)), Point: point}, true
}

// grams returns the known grams of a sentence, sorted, and how many are unknown.
func (j *Judge) grams(s phrase.Sentence) (known []int, unknown int) {
	strange := map[string]bool{}
	each(s, func(gram string) {
		if g, ok := j.index[gram]; ok {
			known = append(known, g)
		} else {
			strange[gram] = true
		}
	})
	slices.Sort(known)
	return slices.Compact(known), len(strange)
}

// common is the product of two vectors of grams.
func (j *Judge) common(a, b []int) float64 {
	sum := 0.0
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			sum += j.rarity[a[0]] * j.rarity[a[0]]
			a, b = a[1:], b[1:]
		}
	}
	return sum
}

// top keeps the largest likenesses, the largest first.
type top [nearest]float64

func (t *top) note(x float64) {
	for i := range t {
		if x > t[i] {
			copy(t[i+1:], t[i:])
			t[i] = x
			return
		}
	}
}

func (t *top) mean() float64 {
	sum := 0.0
	for _, x := range t {
		sum += x
	}
	return sum / nearest
}
