package claim_test

import (
	"strings"
	"testing"

	"workbench/exercises/interview/claim"
	"workbench/exercises/interview/phrase"
)

const bank = `# of pools
= pools
+ One pool of twenty waits less than ten pools of two.
+ A free worker can take any job when the pool is shared.
- Ten pools of two wait less than one pool of twenty.
- Each small pool has a short line, so nobody waits long.

+ The price of one pool is that a slow client can fill it.
- One large pool dilutes a slow client, so it cannot hurt.

- Splitting has no price that I know of.
- I would split the pool once more when the waits grow.

= empty
`

func parse(t *testing.T, text string) claim.Bank {
	t.Helper()
	b, err := claim.Parse("bank.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	b := parse(t, bank)
	k := b["pools"]
	if len(b) != 2 || len(k.Points) != 2 || len(k.Wrong) != 2 || len(k.Right) != 0 || len(k.Points[0].Right) != 2 || len(k.Points[0].Wrong) != 2 {
		t.Errorf("the bank is %+v, want two points of pools and two things that are said", b)
	}
	if got := k.Points[1].Right[0]; got != "The price of one pool is that a slow client can fill it." {
		t.Errorf("the second point is %q", got)
	}
	b.Add(parse(t, "= pools\n+ It is one queue for all.\n"))
	if k = b["pools"]; len(k.Points) != 2 || len(k.Right) != 1 {
		t.Errorf("with a part added the bank is %+v, want one true thing that is said", k)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no question", "+ true\n", "bank.txt:1: a claim before the first question (= id)"},
		{"twice", "= a\n+ x\n\n= a\n", "bank.txt:4: the question a stands twice"},
		{"unknown kind", "= a\n* x\n", `bank.txt:2: unknown kind "*": want = + - or #`},
		{"nothing said", "= a\n+ \n", `bank.txt:2: "+" says nothing: want a kind (= + - #), a blank and a text`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := claim.Parse("bank.txt", strings.NewReader(c.text)); err == nil || err.Error() != c.want {
				t.Errorf("Parse = %v, want %q", err, c.want)
			}
		})
	}
}

func judge(t *testing.T) (*claim.Judge, *phrase.Book) {
	t.Helper()
	book := phrase.NewBook(phrase.Lexicon{})
	return claim.New(parse(t, bank)["pools"], []string{"A shared pool is never idle while a job waits."}, book.Split), book
}

// A sentence is nearer to the claims of which it has the words, in their order.
func TestWeigh(t *testing.T) {
	j, book := judge(t)
	for _, c := range []struct {
		name, text string
		wrong      bool
		point      int
	}{
		{"a true claim in other words", "One shared pool of twenty waits less than ten of two.", false, 0},
		{"turned round with the same words", "Ten small pools of two wait less than one of twenty.", true, 0},
		{"of the second point", "A large pool dilutes the slow client, so he cannot hurt.", true, 1},
		{"what is only said", "As far as I know splitting the pool has no price.", true, 0},
		{"near to a model answer", "No place is idle in the shared pool while some job waits.", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, ok := j.Weigh(book.Split(c.text)[0])
			if !ok || (w.Near > 0) != c.wrong || c.wrong && w.Point != c.point {
				t.Errorf("Weigh = %+v, %v; want wrong %v, point %d", w, ok, c.wrong, c.point)
			}
			if again, _ := j.Weigh(book.Split(c.text)[0]); again != w {
				t.Errorf("a second time it is %+v, first it was %+v", again, w)
			}
		})
	}
}

func TestWeighOfNothing(t *testing.T) {
	j, book := judge(t)
	if w, ok := j.Weigh(book.Split("No price.")[0]); ok {
		t.Errorf("two words weigh %+v, want them to claim nothing", w)
	}
	w, ok := j.Weigh(book.Split("Bananas ripen quicker beside apples in paper.")[0])
	if want := (claim.Weight{Point: -1}); !ok || w != want {
		t.Errorf("words of another world weigh %+v, want %+v", w, want)
	}
}
