package journal

import (
	"time"
	"unicode/utf8"

	"workbench/lab/trace"
)

// The bounds of lines that go from one process's journal to another's.
const (
	MaxCarried      = 512     // lines at once
	MaxCarriedBytes = 1 << 18 // of their JSON, at most
	maxText         = 512     // of one text
	maxAttrs        = 16      // of one line
)

// Outbox hands the lines of a journal on, each once. It is for one goroutine.
type Outbox struct {
	Journal *Journal
	seen    uint64
}

// Take returns the lines that have come since the last call, the oldest first,
// and how many of them the ring or the bounds had no room for.
func (o *Outbox) Take() (lines []Line, lost uint64) {
	all, written := o.Journal.since(o.seen)
	lost, o.seen = written-o.seen-uint64(len(all)), written
	bytes := 0
	for i := range all {
		l := all[i].clip()
		if bytes += l.size(); len(lines) == MaxCarried || bytes > MaxCarriedBytes {
			return lines, lost + uint64(len(all)-i)
		}
		lines = append(lines, l)
	}
	return lines, lost
}

// since returns the lines after the one with a number, the oldest first, as far
// as they are still there, and the number of the last.
func (j *Journal) since(seq uint64) ([]Line, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(uint64(len(j.lines)), j.written-seq)
	out := make([]Line, 0, n)
	for i := range n {
		at := (j.next - int(n-i) + 2*cap(j.lines)) % cap(j.lines)
		out = append(out, j.lines[at])
	}
	return out, j.written
}

// Carry takes lines of an instance in another process: within the bounds and
// without secrets, whatever was sent. ahead is how far that process's clock is
// ahead of ours, and lost how many lines it had no room for.
func (j *Journal) Carry(instance string, ahead time.Duration, lines []Line, lost uint64) {
	if n := len(lines); n > MaxCarried {
		lines, lost = lines[:MaxCarried], lost+uint64(n-MaxCarried)
	}
	for _, l := range lines {
		l = l.clip()
		l.At, l.Instance, l.Text = l.At.Add(-ahead), instance, j.marks.scrub(l.Text)
		for i, a := range l.Attrs {
			if l.Attrs[i].Value = j.marks.scrub(a.Value); secret(a.Key) {
				l.Attrs[i].Value = hidden
			}
		}
		j.add(l)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.carried += uint64(len(lines))
	j.lost += lost
}

// clip returns a line within the bounds, which shares nothing with l.
func (l Line) clip() Line {
	for _, text := range []*string{&l.Text, &l.Trace, &l.Instance, &l.Op, &l.Outcome, &l.Reason, &l.User} {
		*text = clip(*text)
	}
	attrs := make([]Attr, min(len(l.Attrs), maxAttrs))
	for i := range attrs {
		attrs[i] = Attr{clip(l.Attrs[i].Key), clip(l.Attrs[i].Value)}
	}
	l.Attrs = attrs
	return l
}

func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// What the JSON of a line takes besides its texts, at most.
const (
	lineBytes = 240
	attrBytes = 24
)

// size is how many bytes the line's JSON has at most.
func (l Line) size() int {
	n := lineBytes
	for _, text := range []string{l.Text, l.Trace, l.Instance, l.Op, l.Outcome, l.Reason, l.User} {
		n += trace.Escaped(text)
	}
	for _, a := range l.Attrs {
		n += attrBytes + trace.Escaped(a.Key) + trace.Escaped(a.Value)
	}
	return n
}
