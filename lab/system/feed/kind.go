package feed

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/pattern/brownout"
	"workbench/lab/system"
	"workbench/sim/load"
)

// The operations, as a request's Op.
const (
	Read  uint8 = iota // the newest page of a person's feed
	Post               // one post by the author Key
	Older              // a page further back
	Home               // a person's feed, and posts by people whom they might follow
)

// The graph. Everybody follows two celebrities, and everybody who is none also
// Others people who are none. So each celebrity has People × 2 / Celebrities
// followers, and everybody else has exactly Others.
const (
	People      = 2000
	Celebrities = 4
	Others      = 18
	Page        = 20 // posts of a page
	Suggested   = 20 // people whose posts a home page suggests
)

// What one call of the database does.
const (
	inboxesPerCall = 10 // inboxes written
	authorsPerCall = 5  // authors whose newest posts are read
	rowsPerCall    = 200
)

// The places of the choices in a request.
const (
	placeFanout = iota
	placePaging
	placePlain
)

// Fanout says who brings a post to its readers. Off is "read".
type Fanout struct {
	Mode      string `knob:"mode" options:"hybrid,write,read" help:"who does the work: authors below the threshold, the author, or the reader"`
	Threshold int    `knob:"threshold" unit:"followers" min:"1" max:"100000" help:"hybrid: with more followers than this an author is read, not copied"`
}

// Validate implements knob.Validator.
func (f *Fanout) Validate() error {
	if f.Mode != "hybrid" && f.Mode != "write" && f.Mode != "read" {
		return &knob.Error{Knob: "mode", Got: f.Mode, Want: "hybrid, write or read"}
	}
	if f.Threshold < 1 {
		return &knob.Error{Knob: "threshold", Got: fmt.Sprint(f.Threshold), Want: "at least 1"}
	}
	return nil
}

// Paging has an older page begin at the last post that was seen. Off is an
// offset, which walks over all that came before. There is nothing to set.
type Paging struct{}

// Kind describes the service.
func Kind() system.Kind {
	return system.Kind{
		Name: "feed", Title: "Feed", Line: "posts, and the newest posts of those one follows; some are followed by half",
		Gate: "Database", Provider: "Ranking",
		Ops: Ops(), Choices: []lab.Pattern{fanout(), paging(), brownout.Pattern(suggestions())}, Visits: visits, Model: newModel, Simpler: simpler,
	}
}

func fanout() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "fanout", Title: "Feed: fan-out", System: "feed", Line: "copies a post to its readers as it is written, save for the most followed authors",
		Events: []string{"inbox_writes", "author_reads"},
	}, placeFanout, func() Fanout { return Fanout{Mode: "hybrid", Threshold: 500} })
}

func paging() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "paging", Title: "Feed: keyset pages", System: "feed", Line: "finds an older page by the last post seen, not by counting from the newest",
		Events: []string{"rows_walked"},
	}, placePaging, func() Paging { return Paging{} })
}

// suggestions are the optional part of a home page.
func suggestions() brownout.Part {
	return brownout.Part{System: "feed", Place: placePlain, Has: func(r *lab.Request) bool { return r.Op == Home }}
}

// suggests reports whether an answer to r has suggestions.
func suggests(r *lab.Request) bool {
	return r.Op == Home && lab.Chosen[brownout.Plain](r, placePlain) == nil
}

// Ops returns the operations; index i describes Op i.
func Ops() []system.Op {
	return []system.Op{
		Read: {
			Op:    load.Op{Name: "read-feed", Method: "GET", Path: "/feeds/{key}", Priority: "normal"},
			Title: "Read a feed", Read: true, Priority: lab.Normal,
		},
		Post: {
			Op:    load.Op{Name: "write-post", Method: "POST", Path: "/authors/{key}/posts", Body: `{"text":"Post {n}."}`, Priority: "high", Once: true},
			Title: "Write a post", Async: true, Priority: lab.High,
		},
		Older: {
			Op:    load.Op{Name: "read-older", Method: "GET", Path: "/feeds/{key}/older", Priority: "low"},
			Title: "Leaf back", Read: true, Priority: lab.Low,
		},
		Home: {
			Op:    load.Op{Name: "read-home", Method: "GET", Path: "/homes/{key}", Priority: "normal"},
			Title: "Read a home page", Read: true, Priority: lab.Normal,
		},
	}
}

// Followers returns how many people follow author.
func Followers(author uint64) int {
	switch {
	case author < 1 || author > People:
		return 0
	case author <= Celebrities:
		return People * 2 / Celebrities
	default:
		return Others
	}
}

// pageOf returns which page back a request for an older one wants, from 1: how
// far people leaf differs from person to person.
func pageOf(r *lab.Request) int { return 1 + int(r.User%40) }

// mode returns how posts by author are to be brought to their readers.
func mode(r *lab.Request, author uint64) (copied bool) {
	f := lab.Chosen[Fanout](r, placeFanout)
	switch {
	case f == nil || f.Mode == "read":
		return false
	case f.Mode == "write":
		return true
	default:
		return Followers(author) <= f.Threshold
	}
}

// asked returns how many followed authors must be asked for their posts when a
// feed is read.
func asked(r *lab.Request) int {
	n := 0
	if !mode(r, 1) {
		n += 2 // the celebrities among them
	}
	if r.Key > Celebrities && !mode(r, Celebrities+1) {
		n += Others
	}
	return n
}

// followed returns how many authors a reader follows.
func followed(reader uint64) int {
	if reader <= Celebrities {
		return 2
	}
	return Others + 2
}

func keyset(r *lab.Request) bool { return lab.Chosen[Paging](r, placePaging) != nil }

func over(n, per int) int { return (n + per - 1) / per }

// sources returns the calls that find the posts of a page: those who are asked,
// and the inbox when there are others.
func sources(r *lab.Request) int {
	n := asked(r)
	calls := over(n, authorsPerCall)
	if n < followed(r.Key) {
		calls++
	}
	return calls
}

// visits is what each operation asks of the database.
func visits(r *lab.Request, out []system.Visit) []system.Visit {
	times := 0
	switch r.Op {
	case Post:
		times = 1 // the post itself
		if mode(r, r.Key) {
			times += over(Followers(r.Key), inboxesPerCall)
		}
	case Older:
		times = sources(r)
		if !keyset(r) {
			times += over(pageOf(r)*Page, rowsPerCall)
		}
	default:
		times = sources(r)
		if suggests(r) {
			times += over(Suggested, authorsPerCall)
		}
	}
	return append(out, system.Visit{Door: system.Gate, Times: times})
}

// model counts in virtual time what the live service counts.
type model struct{ inboxWrites, authorReads, rows func(n int) }

func newModel(counters func(string) *lab.Counters) system.Model {
	add := func(choice, event string) func(int) {
		c := counters(choice).Get(event)
		return func(n int) { c.Add(uint64(n)) }
	}
	return model{add("fanout", "inbox_writes"), add("fanout", "author_reads"), add("paging", "rows_walked")}
}

// note counts a request that was served.
func (m model) note(r *lab.Request) {
	switch r.Op {
	case Post:
		if mode(r, r.Key) {
			m.inboxWrites(Followers(r.Key))
		}
	case Older:
		if !keyset(r) {
			m.rows(pageOf(r) * Page)
		}
		m.authorReads(asked(r))
	default:
		n := asked(r)
		if suggests(r) {
			n += Suggested
		}
		m.authorReads(n)
	}
}

// Served implements system.Model.
func (m model) Served(_ time.Duration, r *lab.Request) lab.Response {
	if r.Key < 1 || r.Key > People {
		return lab.Response{Missing: true}
	}
	m.note(r)
	return lab.Response{}
}
