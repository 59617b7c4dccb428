package load

import (
	"strconv"
	"strings"

	"workbench/sim/population"
)

// hole is a place in a request that differs from try to try.
type hole uint8

const (
	none hole = iota
	holeKey
	holeUser
	holeSeq
	holeIP
	holeToken
	holePriority
	holeTry
	holeDeadline
	holeID
	holeLength
	holeTrace
	holeSide
)

// piece is fixed text and the hole that follows it.
type piece struct {
	text string
	hole hole
}

// template is an operation's request, serialised but for its holes.
type template struct {
	head, body []piece
	name       string
	priority   string
	isHead     bool
	again      bool // the method is safe: an idle connection's death may be hidden by sending anew
	tracing    Tracing
	fixed      int // length of a body without holes; −1: it has some
}

// compile prepares op's request to host. closing adds Connection: close.
// tracing adds a traceparent where it is on.
func compile(op Op, host string, closing bool, tracing Tracing) template {
	method := op.Method
	if method == "" {
		method = "GET"
	}
	t := template{name: op.Name, priority: op.Priority, isHead: method == "HEAD", again: method == "GET" || method == "HEAD"}
	if t.priority == "" {
		t.priority = "normal"
	}
	t.body = split(op.Body)
	t.fixed = -1
	if len(t.body) == 0 || len(t.body) == 1 && t.body[0].hole == none {
		t.fixed = len(op.Body)
	}
	head := split(method + " " + op.Path + " HTTP/1.1\r\nHost: " + host)
	add := func(name string, h hole) {
		last := &head[len(head)-1]
		if last.hole == none {
			last.text += "\r\n" + name + ": "
			last.hole = h
			return
		}
		head = append(head, piece{"\r\n" + name + ": ", h})
	}
	add("Workbench-User", holeUser)
	add("Workbench-IP", holeIP)
	add("Workbench-Token", holeToken)
	add("Workbench-Priority", holePriority)
	add("Workbench-Try", holeTry)
	add("Workbench-Deadline-Ms", holeDeadline)
	add("Workbench-Id", holeID)
	if t.tracing = tracing; tracing.On {
		add("Traceparent", holeTrace)
	}
	if op.Once {
		add("Idempotency-Key", holeSeq)
	}
	tail := ""
	if closing {
		tail = "\r\nConnection: close"
	}
	switch {
	case t.fixed < 0:
		add("Content-Type: application/json\r\nContent-Length", holeLength)
	case t.fixed > 0:
		tail += "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(t.fixed)
	case !t.again:
		tail += "\r\nContent-Length: 0"
	}
	t.head = append(head, piece{text: tail + "\r\n\r\n"})
	return t
}

// split cuts s at its holes. It returns at least one piece for a non-empty s.
func split(s string) []piece {
	marks := [...]struct {
		mark string
		hole hole
	}{{"{key}", holeKey}, {"{user}", holeUser}, {"{n}", holeSeq}, {"{side}", holeSide}}
	var pieces []piece
	for s != "" {
		first, next, found := len(s), 0, none
		for _, m := range marks {
			if i := strings.Index(s, m.mark); i >= 0 && i < first {
				first, next, found = i, i+len(m.mark), m.hole
			}
		}
		if found == none {
			return append(pieces, piece{text: s})
		}
		pieces = append(pieces, piece{s[:first], found})
		s = s[next:]
	}
	return pieces
}

// values fill the holes of one try.
type values struct {
	pick     population.Pick
	seq      uint64
	try      uint64
	deadline uint64 // remaining patience in milliseconds
}

// maxTries bounds the tries of one user, so that seq and try make an
// identifier that reads well: arrival 12345's third try is 1234502.
const maxTries = 100

// render appends the request to out[:0] and returns it. The body is rendered
// first, beyond the end, where its length is not known before.
func (t *template) render(out, scratch []byte, v *values) (request, spare []byte) {
	length := uint64(max(t.fixed, 0))
	if t.fixed < 0 {
		scratch = t.fill(scratch[:0], t.body, v, 0)
		length = uint64(len(scratch))
	}
	out = t.fill(out[:0], t.head, v, length)
	if t.fixed < 0 {
		return append(out, scratch...), scratch
	}
	for _, p := range t.body {
		out = append(out, p.text...)
	}
	return out, scratch
}

func (t *template) fill(out []byte, pieces []piece, v *values, length uint64) []byte {
	for i := range pieces {
		p := &pieces[i]
		out = append(out, p.text...)
		n := uint64(0)
		switch p.hole {
		case none:
			continue
		case holePriority:
			if v.pick.High {
				out = append(out, "high"...)
			} else {
				out = append(out, t.priority...)
			}
			continue
		case holeTrace:
			out = t.tracing.header(out, v.seq, uint8(v.try))
			continue
		case holeSide: // the same for every try of one user
			out = append(out, [...]string{"buy", "sell"}[v.seq%2]...)
			continue
		case holeKey:
			n = v.pick.Key
		case holeUser:
			n = v.pick.User
		case holeSeq:
			n = v.seq
		case holeIP:
			n = v.pick.IP
		case holeToken:
			n = v.pick.Token
		case holeTry:
			n = v.try
		case holeDeadline:
			n = v.deadline
		case holeID:
			n = v.seq*maxTries + v.try
		case holeLength:
			n = length
		}
		out = strconv.AppendUint(out, n, 10)
	}
	return out
}
