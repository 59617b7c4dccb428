package trace

import (
	"slices"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
)

// Names of the attributes that the pages read.
const (
	keyWhere    = "where"            // who did it: users, balancer, an instance's name
	keyKind     = "kind"             // one of the kinds below
	keyDid      = "did"              // what a pattern did, in a few words
	keyQuiet    = "quiet"            // the pattern let the request pass and did nothing else
	keyOutcome  = "outcome"          // what became of the request
	keyForUser  = "outcome_for_user" // what its user got
	keyReason   = "reason"           // why it was not served
	keyOp       = "op"               // which operation
	keyInstance = "instance"         // which instance the balancer chose
	keyCalls    = "calls"            // how often a pattern passed the request on
	keyWaited   = "waited_us"        // how long it held the request before that
)

// The kinds of spans, which a waterfall colours.
const (
	KindClient  = "client"
	KindServer  = "server"
	KindPattern = "pattern"
	KindWait    = "wait"
	KindService = "service"
	KindStore   = "store"
	KindCache   = "cache"
	KindMessage = "message"
)

// ID is the number of a trace: 16 bytes, written as 32 hexadecimal digits.
type ID = otel.TraceID

// ParseID reads a trace's number.
func ParseID(text string) (ID, error) { return otel.TraceIDFromHex(text) }

// Attr is one fact about a span.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Link names a span of another trace that caused this one.
type Link struct {
	Trace otel.TraceID `json:"trace"`
	Span  otel.SpanID  `json:"span"`
}

// Span is one part of a request's way.
type Span struct {
	Trace  otel.TraceID `json:"trace"`
	ID     otel.SpanID  `json:"id"`
	Parent otel.SpanID  `json:"parent"` // zero: it is the first
	Name   string       `json:"name"`
	Where  string       `json:"where"`
	Kind   string       `json:"kind"`
	Start  time.Time    `json:"start"`
	End    time.Time    `json:"end"`
	Failed bool         `json:"failed,omitempty"`
	Quiet  bool         `json:"quiet,omitempty"` // it did nothing: a waterfall leaves it out
	Attrs  []Attr       `json:"attrs,omitempty"`
	Links  []Link       `json:"links,omitempty"`
}

// Attr returns the value of an attribute; empty: there is none.
func (s Span) Attr(key string) string {
	for _, a := range s.Attrs {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// Took returns how long the span took.
func (s Span) Took() time.Duration { return s.End.Sub(s.Start) }

// spanOf copies what is kept of a finished span.
func spanOf(in sdk.ReadOnlySpan) Span {
	c := in.SpanContext()
	s := Span{Trace: c.TraceID(), ID: c.SpanID(), Parent: in.Parent().SpanID(), Name: in.Name(), Start: in.StartTime(), End: in.EndTime(), Failed: failed(in)}
	for _, a := range in.Attributes() {
		switch a.Key {
		case keyWhere:
			s.Where = a.Value.AsString()
		case keyKind:
			s.Kind = a.Value.AsString()
		case keyQuiet:
			s.Quiet = a.Value.AsBool()
		default:
			s.Attrs = append(s.Attrs, Attr{string(a.Key), a.Value.String()})
		}
	}
	for _, l := range in.Links() {
		s.Links = append(s.Links, Link{l.SpanContext.TraceID(), l.SpanContext.SpanID()})
	}
	return s
}

// Why says by which rule a trace was kept.
type Why string

// The rules, the strongest first.
const (
	Failed  Why = "failed"  // something on the way failed
	Slow    Why = "slow"    // it took longer than the slow limit
	Sampled Why = "sampled" // the head drew it
)

// Trace is one request with all that it caused, as far as it was kept.
type Trace struct {
	ID      otel.TraceID  `json:"id"`
	Why     Why           `json:"why"`
	Name    string        `json:"name"`           // the operation
	Outcome string        `json:"outcome"`        // what the service said
	User    string        `json:"user,omitempty"` // what the user got, as far as it is known: an outcome, or GaveUp
	Reason  string        `json:"reason,omitempty"`
	Start   time.Time     `json:"start"`
	Took    time.Duration `json:"took"`
	Cut     int           `json:"cut,omitempty"`     // spans that were not kept because there were too many
	Missing int           `json:"missing,omitempty"` // parts that other processes measured and did not send
	Spans   []Span        `json:"spans"`             // by start
}

// GaveUp is what a user got who had left before the last answer came: it came
// late, and to nobody.
const GaveUp = "late, gave up"

// left is what the balancer's span says of such a request.
const left = "the user left before the answer"

// got returns what the user got. The users' own word counts, that of the last
// try; but not every try has one, and the balancer sees who leaves.
func (t *Trace) got() string {
	var word string
	var gone bool
	var told, seen time.Time
	for _, s := range t.Spans {
		if o := s.Attr(keyForUser); o != "" && !s.End.Before(told) {
			word, told = o, s.End
		}
		if s.Where == "balancer" && !s.End.Before(seen) {
			gone, seen = s.Attr(keyDid) == left, s.End
		}
	}
	if gone && (word == "" || word == lab.Late.String()) {
		return GaveUp
	}
	return word
}

// sum sets what a trace says of itself from its spans. The last server's word
// on the outcome counts, since a user who tries again is judged by the last try.
func (t *Trace) sum() {
	slices.SortStableFunc(t.Spans, func(a, b Span) int { return a.Start.Compare(b.Start) })
	if len(t.Spans) == 0 {
		return
	}
	t.Start = t.Spans[0].Start
	var end, told time.Time
	for _, s := range t.Spans {
		if s.End.After(end) {
			end = s.End
		}
		if op := s.Attr(keyOp); op != "" {
			t.Name = op
		}
		if o := s.Attr(keyOutcome); o != "" && !s.End.Before(told) {
			t.Outcome, t.Reason, told = o, s.Attr(keyReason), s.End
		}
	}
	t.Took, t.User = end.Sub(t.Start), t.got()
	for _, s := range t.Spans {
		if t.Name == "" {
			t.Name = s.Attr("request") // no instance has taken it yet, or none ever did
		}
	}
	if t.Name == "" {
		t.Name = t.Spans[0].Name
	}
}

// Row is one span in a waterfall, with its depth in the tree.
type Row struct {
	Span
	Depth int
}

// Rows returns the spans that did something, parents before children, in the
// order in which they began. A child of a span that is left out, or that is not
// here, stands below the nearest one that is.
func (t Trace) Rows() []Row {
	byID := make(map[otel.SpanID]Span, len(t.Spans))
	for _, s := range t.Spans {
		byID[s.ID] = s
	}
	children := map[otel.SpanID][]Span{}
	for _, s := range t.Spans {
		if s.Quiet {
			continue
		}
		up := s.Parent
		for range len(t.Spans) { // a loop of parents, which only a forged header could make, ends here
			p, ok := byID[up]
			if !ok {
				up = otel.SpanID{}
				break
			}
			if !p.Quiet {
				break
			}
			up = p.Parent
		}
		children[up] = append(children[up], s)
	}
	var rows []Row
	seen := map[otel.SpanID]bool{}
	var down func(id otel.SpanID, depth int)
	down = func(id otel.SpanID, depth int) {
		for _, s := range children[id] {
			if seen[s.ID] {
				continue
			}
			seen[s.ID] = true
			rows = append(rows, Row{s, depth})
			down(s.ID, depth+1)
		}
	}
	down(otel.SpanID{}, 0)
	return rows
}
