package interview_test

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"workbench/exercises/interview"
)

func ftoa(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// heard is an answer as a person gave it, with the score that an interviewer
// would give. The answers were written without a look at the patterns.
type heard struct {
	Question string  `yaml:"q"`
	Kind     string  `yaml:"kind"` // strong, spoken, middling, weak, salad, wrong or offtopic
	Want     float64 `yaml:"want"`
	Text     string  `yaml:"text"`
}

func readSet(t testing.TB, name string) []heard {
	t.Helper()
	src, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []heard
	if err := yaml.Unmarshal(src, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Answers of people are ranked as an interviewer would rank them, and those that
// only sound right stay low.
func TestAnswersOfPeople(t *testing.T) {
	c := load(t)
	for _, set := range sets() {
		t.Run(set, func(t *testing.T) {
			_, mode, _ := strings.Cut(set, "-")
			m := interview.Mode(mode)
			var want, got []float64
			for _, a := range readSet(t, set) {
				r := score(t, c, a.Question, a.Text)
				q, err := c.Get(a.Question)
				if err != nil || q.Mode != m {
					t.Fatalf("%s is a question of %s, not %s (%v)", a.Question, q.Mode, m, err)
				}
				want, got = append(want, a.Want), append(got, float64(r.Total))
				t.Logf("%-9s want %3.0f got %3d topic %.2f %s", a.Kind, a.Want, r.Total, r.Pace.Topic, a.Question)
				if most := ceiling(a.Kind); r.Total > most {
					t.Errorf("%s to %s scores %d, want at most %d:%s", a.Kind, a.Question, r.Total, most, explain(r))
				}
				if testing.Verbose() && math.Abs(a.Want-float64(r.Total)) > 25 {
					t.Log(explain(r))
				}
			}
			if len(want) < 30 {
				t.Errorf("%d answers, want at least 30", len(want))
			}
			rho := spearman(want, got)
			t.Logf("Spearman %.3f over %d answers", rho, len(want))
			if rho < 0.8 {
				t.Errorf("Spearman %.3f, want at least 0.8", rho)
			}
		})
	}
}

// sets are the files of answers: those by which the judgement was made, and
// those that were written afterwards.
func sets() []string {
	return []string{
		"heard-60s", "heard-5m", "heard-45m", "fresh-5m", "fresh-45m",
		"second-60s", "second-5m", "second-45m", "third-60s", "third-5m", "third-45m",
	}
}

func ceiling(kind string) int {
	switch kind {
	case "salad", "wrong":
		return 40
	case "offtopic":
		return 10
	}
	return 100
}

// spearman is the correlation of the ranks, with ties sharing theirs.
func spearman(a, b []float64) float64 {
	x, y := ranks(a), ranks(b)
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
	}
	return xy / math.Sqrt(xx*yy)
}

func ranks(a []float64) []float64 {
	sorted := slices.Sorted(slices.Values(a))
	out := make([]float64, len(a))
	for i, v := range a {
		first, _ := slices.BinarySearch(sorted, v)
		last := first
		for last < len(sorted) && sorted[last] == v {
			last++
		}
		out[i] = float64(first+last-1) / 2
	}
	return out
}

func mean(a []float64) float64 {
	sum := 0.0
	for _, v := range a {
		sum += v
	}
	return sum / float64(len(a))
}
