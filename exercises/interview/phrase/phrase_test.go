package phrase_test

import (
	"slices"
	"strings"
	"testing"

	"workbench/exercises/interview/phrase"
)

func lexicon() phrase.Lexicon {
	return phrase.Lexicon{
		Classes: map[string][]string{"limit": {"limit", "cap", "at_most"}},
		Denials: []string{"not", "never", "no", "avoid"}, Lacks: []string{"without"}, Conditions: []string{"if"},
		Edges: []string{"but", "because", "so"}, Joins: []string{"and", "so"}, Known: []string{"house mouse"},
	}
}

// heard reports how a pattern is heard in the first sentence of a text.
func heard(t *testing.T, pattern, text, question string) (phrase.Match, bool) {
	t.Helper()
	b := phrase.NewBook(lexicon())
	if _, err := b.Add(pattern); err != nil {
		t.Fatal(err)
	}
	b.Seal()
	var given map[int]bool
	if question != "" {
		given = b.Given(question)
	}
	sentences := b.Split(text)
	b.Mend(sentences)
	ear := b.Ear()
	for i := range sentences {
		if ms := b.Find(ear.Hear(b, &sentences[i]), given); len(ms) > 0 {
			return ms[0], true
		}
	}
	return phrase.Match{}, false
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, pattern, text string
		want                bool
	}{
		{"any form", "retry budget", "Retrying needs budgets.", true},
		{"any order", "retry budget", "A budget for each retry.", true},
		{"alternatives", "retry|resend budget", "We resend within a budget.", true},
		{"a class", "@limit retry", "At most three retries.", true},
		{"side by side", "circuit_breaker", "A circuit breaker opens.", true},
		{"not side by side", "circuit_breaker", "A breaker in the circuit.", false},
		{"an article between", "lose_order", "You lose the order.", true},
		{"too far apart", "retry budget", "Retry is one thing that people in this trade like to speak about for very long, a budget is another.", false},
		{"in two sentences", "retry budget", "We retry. There is a budget.", false},
		{"not to be heard", "retry budget !never", "Never retry over budget.", false},
		{"a number", "# second", "It takes 20 seconds.", true},
		{"a number in words", "# second", "It takes twenty seconds.", true},
		{"this form only", "=once fail", "Once it failed.", true},
		{"a contraction", "~wait", "We don't wait.", true},
		{"a contraction without apostrophe", "~wait", "we dont wait", true},
		{"a misspelling", "idempotent retry", "idempotant retries", true},
		{"one word cannot be two", "retry|budget budget", "a budget", false},
		{"per cent", "10 percent", "about 10% of it", true},
		{"a known word is not mended", "horse_race", "a house race", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := heard(t, c.pattern, c.text, ""); got != c.want {
				t.Errorf("%q in %q: %v, want %v", c.pattern, c.text, got, c.want)
			}
		})
	}
}

func TestDenial(t *testing.T) {
	for _, c := range []struct {
		name, pattern, text string
		found, denied       bool
	}{
		{"said", "retry", "We retry.", true, false},
		{"denied", "retry", "We do not retry.", true, true},
		{"never", "retry", "We never retry.", true, true},
		{"over a comma", "retry", "If it does not answer, we retry.", true, false},
		{"over a but", "retry", "We do not wait but retry.", true, false},
		{"without is no denial", "budget", "Not without a budget.", true, false},
		{"wanted denied", "~retry payment", "We do not retry a payment.", true, false},
		{"wanted denied and said", "~retry payment", "We retry a payment.", false, false},
		{"wanted denied and lacking", "~budget retry", "Retries without a budget multiply.", true, false},
		{"instead of", "wait", "Refuse at once instead of waiting.", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, found := heard(t, c.pattern, c.text, "")
			if found != c.found || found && m.Denied != c.denied {
				t.Errorf("%q in %q: found %v denied %v, want %v and %v", c.pattern, c.text, found, m.Denied, c.found, c.denied)
			}
		})
	}
}

// What the question speaks of need not be said again, but something must be said.
func TestGiven(t *testing.T) {
	if m, ok := heard(t, "retry budget", "Ten per cent is the budget.", "When do retries hurt?"); !ok || !m.Assumed {
		t.Errorf("found %v, assumed %v, want both", ok, m.Assumed)
	}
	if _, ok := heard(t, "retry budget", "Ten per cent.", "What is a retry budget?"); ok {
		t.Error("a pattern is heard of which nothing is said")
	}
}

func TestAddFaults(t *testing.T) {
	b := phrase.NewBook(lexicon())
	for pattern, want := range map[string]string{"": "no term", "!never": "no term", "@nothing": "not in the lexicon", "a||b": "empty", "?": "holds no word"} {
		if _, err := b.Add(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Add(%q) = %v, want an error with %q", pattern, err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	b := phrase.NewBook(lexicon())
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"marks", "One two. Three four! Five?", []string{"One two", "Three four", "Five"}},
		{"lines", "one two\nthree", []string{"one two", "three"}},
		{"a decimal point", "It takes 1.5 seconds. Then it ends", []string{"It takes 1.5 seconds", "Then it ends"}},
		{"an abbreviation", "Some, e.g. two, are late.", []string{"Some, e.g. two, are late"}},
		{"nothing", " .. ,", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range b.Split(c.text) {
				got = append(got, c.text[s.Start:s.End])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("Split = %q, want %q", got, c.want)
			}
		})
	}
	if n := len(b.Split(strings.Repeat("we wait and ", 30))); n < 3 {
		t.Errorf("a run-on sentence of 90 words is cut in %d, want at least 3", n)
	}
}

func TestQuantities(t *testing.T) {
	b := phrase.NewBook(lexicon())
	for text, want := range map[string]phrase.Kind{
		"it takes 20 ms": phrase.Time, "it takes 20ms": phrase.Time, "thirty seconds": phrase.Time, "1,000 requests a second": phrase.Rate, "800 rps": phrase.Rate,
		"about 10 % of it": phrase.Share, "95% of reads": phrase.Share, "p99 is high": phrase.Share, "50 GB of it": phrase.Size, "three times as much": phrase.Factor,
		"twice the load": phrase.Factor, "ten million users": phrase.Count, "40 instances": phrase.Count,
	} {
		var got []phrase.Kind
		for _, s := range b.Split(text) {
			for _, q := range phrase.Quantities(s) {
				got = append(got, q.Kind)
			}
		}
		if !slices.Equal(got, []phrase.Kind{want}) {
			t.Errorf("Quantities(%q) = %v, want %s", text, got, want)
		}
	}
}

func FuzzBook(f *testing.F) {
	f.Add("retry|resend @limit !never", "We don't retry, 10% at most; e.g. twice…")
	f.Add("~wait", "\xff\xfe not wait’s")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		b := phrase.NewBook(lexicon())
		if _, err := b.Add(pattern); err != nil {
			return
		}
		b.Seal()
		sentences := b.Split(text)
		b.Mend(sentences)
		ear := b.Ear()
		last := 0
		for i := range sentences {
			s := &sentences[i]
			if s.Start < last || s.End < s.Start || s.End > len(text) {
				t.Fatalf("sentence %d is [%d:%d] of %d bytes after %d", i, s.Start, s.End, len(text), last)
			}
			last = s.Start
			for _, m := range b.Find(ear.Hear(b, s), nil) {
				if m.Start < s.Start || m.End > s.End || m.Start > m.End {
					t.Fatalf("match [%d:%d] outside the sentence [%d:%d]", m.Start, m.End, s.Start, s.End)
				}
			}
		}
	})
}

// What a pattern may not hold counts near its match alone, if it was added so.
func TestAddNear(t *testing.T) {
	for _, x := range []struct {
		text string
		want bool
	}{
		{"The old key goes at once, so that nobody is able to use what was stolen, and not later than that.", true},
		{"The old key does not go at once.", false},
		{"The old key, as not all know, goes at once.", false},
	} {
		b := phrase.NewBook(lexicon())
		if _, err := b.AddNear("old_key at_once !not"); err != nil {
			t.Fatal(err)
		}
		b.Seal()
		sentences := b.Split(x.text)
		if got := len(b.Find(b.Ear().Hear(b, &sentences[0]), nil)) > 0; got != x.want {
			t.Errorf("%q: heard %v, want %v", x.text, got, x.want)
		}
	}
}
