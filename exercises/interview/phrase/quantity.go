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
	First int     // index of its first word
	Last  int     // index of the last word of the number, before the unit
	Value float64 // in seconds, a second, parts of one, or bytes; what is counted otherwise
	Said  float64 // the number as it was said, without its unit
	Known bool    // the number is one that can be compared: a quantile is none
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
		kind, one := kindOf(s.Words, i, last)
		if kind == Generic && !s.Words[i].Number() && i == last {
			continue // "one of them" measures nothing
		}
		x, known := amount(s.Words, i, last)
		out = append(out, Quantity{Kind: kind, Start: s.Words[i].Start, End: s.Words[last].End, First: i, Last: last, Value: x * one, Said: x, Known: known})
		i = last
	}
	return out
}

func numeral(w Word) bool {
	if w.Number() {
		return w.Text[0] >= '0' && w.Text[0] <= '9' || Quantile(w.Text)
	}
	switch w.Text {
	case "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty",
		"ninety", "hundred", "thousand", "million", "billion", "half", "twice", "double", "triple", "dozen", "tenfold", "hundreds", "thousands", "millions":
		return true
	}
	return false
}

// Quantile reports whether a word such as p99 names one.
func Quantile(text string) bool {
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

// kindOf says what a number measures, and how much one of its unit is.
func kindOf(ws []Word, first, last int) (Kind, float64) {
	text := ws[last].Text
	switch {
	case strings.HasSuffix(text, "%"), Quantile(text):
		return Share, 0.01
	case text == "half" && last+2 < len(ws) && (ws[last+1].Text == "a" || ws[last+1].Text == "an") && units[ws[last+2].Stem] == Time:
		return Time, seconds[ws[last+2].Stem]
	case text == "twice" || text == "double" || text == "triple" || text == "half" || text == "tenfold":
		return Factor, 1
	}
	if ws[first].Number() {
		for _, suffix := range []string{"ms", "gb", "mb", "kb", "tb", "rps", "qps", "us", "x", "s"} {
			if head, ok := strings.CutSuffix(text, suffix); ok && head != "" && head[len(head)-1] >= '0' && head[len(head)-1] <= '9' {
				return units[suffix], scale(units[suffix], suffix, false)
			}
		}
	}
	for j := last + 1; j < len(ws) && j <= last+3; j++ {
		if unit, ok := perTime(ws, j); ok {
			return Rate, scale(Rate, unit, true)
		}
		kind, ok := units[ws[j].Stem]
		if !ok {
			continue
		}
		if unit, ok := perTime(ws, j+1); ok && kind == Count {
			return Rate, scale(Rate, unit, true)
		}
		return kind, scale(kind, ws[j].Stem, false)
	}
	return Generic, 1
}

// perTime reports whether "a second" or the like stands at i, and its unit.
func perTime(ws []Word, i int) (string, bool) {
	if i+1 >= len(ws) || units[ws[i+1].Stem] != Time {
		return "", false
	}
	switch ws[i].Text {
	case "per", "a", "an", "each", "every":
		return ws[i+1].Stem, true
	}
	return "", false
}
