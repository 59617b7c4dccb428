package interview_test

import (
	"strings"
	"testing"

	"workbench/exercises/interview"
)

// An answer of 1,500 words is scored in some 20 ms on a machine with two cores.
func BenchmarkScore(b *testing.B) {
	c := load(b)
	q, err := c.Get("exchange-round")
	if err != nil {
		b.Fatal(err)
	}
	feed, err := c.Get("feed-round")
	if err != nil {
		b.Fatal(err)
	}
	words := strings.Fields(q.Model.Full + " " + feed.Model.Full + " " + q.Model.Minute)
	for len(words) < 1500 {
		words = append(words, strings.Fields(feed.Model.Minute)...)
	}
	a := interview.Answer{Text: strings.Join(words[:1500], " ")}
	for b.Loop() {
		if _, err := c.Score(q.ID, a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := interview.Load(); err != nil {
			b.Fatal(err)
		}
	}
}
