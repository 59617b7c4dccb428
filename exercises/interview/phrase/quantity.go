package phrase

import "strings"

// Kind is what a quantity measures.
type Kind string

// The kinds of quantities.
const (
	Time    Kind = "time"    // milliseconds to days
	Rate    Kind = "rate"    // so many a second, minute or day
	Share   Kind = "share"   // per cent and quantiles
	Size    Kind = "size"    // bytes
	Factor  Kind = "factor"  // so many times
	Count   Kind = "count"   // so many users, servers, slots …
	Generic Kind = "generic" // a bare number
)

// Quantity is a number with what it measures.
type Quantity struct {
	Kind  Kind
	Start int
	End   int
	Text  string
}

// Quantities returns the quantities of a sentence, in digits or in words.
func Quantities(s Sentence) []Quantity {
	var out []Quantity
	for i := 0; i < len(s.Words); i++ {
		if !numeral(s.Words[i]) {
			continue
		}
		last := i
		for last+1 < len(s.Words) && numeral(s.Words[last+1]) && s.Words[last].End <= s.Words[last+1].Start && s.Words[last+1].Start-s.Words[last].End < 3 {
			last++
		}
		kind := kindOf(s.Words, i, last)
		if kind == Generic && !s.Words[i].Number() && i == last {
			continue // "one of them" measures nothing
		}
		out = append(out, Quantity{Kind: kind, Start: s.Words[i].Start, End: s.Words[last].End})
		i = last
	}
	return out
}

func numeral(w Word) bool {
	if w.Number() {
		return w.Text[0] >= '0' && w.Text[0] <= '9' || quantile(w.Text)
	}
	switch w.Text {
	case "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty",
		"ninety", "hundred", "thousand", "million", "billion", "half", "twice", "double", "triple", "dozen", "tenfold", "hundreds", "thousands", "millions":
		return true
	}
	return false
}

func quantile(text string) bool {
	return len(text) > 2 && text[0] == 'p' && text[1] >= '5' && text[1] <= '9'
}

// units is what each unit measures.
var units = map[string]Kind{
	"ms": Time, "millisecond": Time, "second": Time, "s": Time, "minut": Time, "hour": Time, "day": Time, "us": Time, "ns": Time, "microsecond": Time, "week": Time, "month": Time,
	"rps": Rate, "qps": Rate, "tps": Rate, "percent": Share, "percentil": Share, "kb": Size, "mb": Size, "gb": Size, "tb": Size, "byte": Size,
	"megabyt": Size, "gigabyt": Size, "kilobyt": Size, "time": Factor, "x": Factor, "fold": Factor, "user": Count, "server": Count, "instanc": Count, "node": Count,
	"slot": Count, "request": Count, "replica": Count, "shard": Count, "row": Count, "key": Count, "partit": Count, "worker": Count, "connect": Count, "retri": Count,
	"messag": Count, "follow": Count, "attempt": Count, "tri": Count, "core": Count, "order": Count, "queri": Count, "call": Count, "machin": Count, "layer": Count, "box": Count,
}

func kindOf(ws []Word, first, last int) Kind {
	text := ws[last].Text
	switch {
	case strings.HasSuffix(text, "%"), quantile(text):
		return Share
	case text == "twice" || text == "double" || text == "triple" || text == "half" || text == "tenfold":
		return Factor
	}
	if ws[first].Number() {
		for _, suffix := range []string{"ms", "gb", "mb", "kb", "tb", "rps", "qps", "us", "x", "s"} {
			if head, ok := strings.CutSuffix(text, suffix); ok && head != "" && head[len(head)-1] >= '0' && head[len(head)-1] <= '9' {
				return units[suffix]
			}
		}
	}
	for j := last + 1; j < len(ws) && j <= last+3; j++ {
		if (ws[j].Text == "per" || ws[j].Text == "a" || ws[j].Text == "an" || ws[j].Text == "each" || ws[j].Text == "every") && j+1 < len(ws) && units[ws[j+1].Stem] == Time {
			return Rate
		}
		kind, ok := units[ws[j].Stem]
		if !ok {
			continue
		}
		if kind == Count && j+2 < len(ws) && (ws[j+1].Text == "per" || ws[j+1].Text == "a" || ws[j+1].Text == "each") && units[ws[j+2].Stem] == Time {
			return Rate
		}
		return kind
	}
	return Generic
}
