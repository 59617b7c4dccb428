package phrase

import (
	"strconv"
	"strings"
)

// amount reads the number that the words first to last say, in digits or in
// words, without its unit. A quantile and "several" have none.
func amount(ws []Word, first, last int) (float64, bool) {
	whole, part := 0.0, 0.0
	for _, w := range ws[first : last+1] {
		if Quantile(w.Text) {
			return 0, false
		}
		if w.Number() {
			x, ok := Digits(w.Text)
			if !ok {
				return 0, false
			}
			part += x
			continue
		}
		x, ok := inWords[w.Text]
		switch {
		case !ok:
			return 0, false
		case x >= 1000:
			whole += max(part, 1) * x
			part = 0
		case x == 100:
			part = max(part, 1) * x
		default:
			part += x
		}
	}
	return whole + part, true
}

// Digits reads a figure such as 1,200 or 2.3s or 10k.
func Digits(text string) (float64, bool) {
	text = strings.ReplaceAll(text, ",", "")
	head := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	x, err := strconv.ParseFloat(head, 64)
	switch text[len(head):] {
	case "k":
		x *= 1e3
	case "m":
		x *= 1e6
	}
	return x, err == nil
}

var inWords = map[string]float64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twenty": 20, "thirty": 30, "forty": 40,
	"fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9, "half": 0.5,
	"twice": 2, "double": 2, "triple": 3, "dozen": 12, "tenfold": 10,
}

// seconds is how long each unit of time lasts, by its stem.
var seconds = map[string]float64{
	"ns": 1e-9, "us": 1e-6, "microsecond": 1e-6, "ms": 1e-3, "millisecond": 1e-3, "s": 1, "second": 1, "minut": 60, "hour": 3600, "day": 86400, "week": 7 * 86400, "month": 30 * 86400,
}

// bytes is how large each unit of size is, by its stem.
var bytes = map[string]float64{
	"byte": 1, "kb": 1e3, "kilobyt": 1e3, "mb": 1e6, "megabyt": 1e6, "gb": 1e9, "gigabyt": 1e9, "tb": 1e12,
}

// scale is what one of a unit is in the unit that values of its kind are given
// in: seconds, a second, parts of one, bytes. per says that it is the unit of time
// of a rate.
func scale(kind Kind, unit string, per bool) float64 {
	switch {
	case kind == Time:
		return seconds[unit]
	case kind == Rate && per:
		return 1 / seconds[unit]
	case kind == Share:
		return 0.01
	case kind == Size:
		return bytes[unit]
	}
	return 1
}
