package feed

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/store"
	"workbench/lab/system"
)

// maxText is the longest post, in characters.
const maxText = 500

// Deps is what the service works with. All fields are needed.
type Deps struct {
	Write, Read *sql.DB // with Schema's tables; one connection writes
	Explain     func(context.Context, error) error
	Gates       system.Gates
	Counters    func(choice string) *lab.Counters
}

// Feed is the service. It is safe for concurrent use. Use New.
type Feed struct {
	kind  system.Kind
	table table
	gates system.Gates
	count model
	graph [][]uint64 // followers by author
}

var _ system.System = (*Feed)(nil)

// New returns the service with empty tables, or an error that names every
// missing dependency.
func New(ctx context.Context, d Deps) (*Feed, error) {
	var faults []error
	for name, missing := range map[string]bool{
		"Write": d.Write == nil, "Read": d.Read == nil, "Explain": d.Explain == nil, "Gates.Gate": d.Gates.Gate == nil, "Counters": d.Counters == nil,
	} {
		if missing {
			faults = append(faults, errors.New("feed: Deps."+name+" is nil"))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	f := &Feed{kind: Kind(), table: table{d.Write, d.Read, d.Explain}, gates: d.Gates, count: newModel(d.Counters).(model), graph: graph()}
	return f, f.table.clear(ctx)
}

// Ops implements system.System.
func (f *Feed) Ops() []system.Op { return f.kind.Ops }

// Serve implements lab.Handler: it checks the request, then makes its calls of
// the database, each of which does its part of the work.
func (f *Feed) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if int(r.Op) >= len(f.kind.Ops) {
		return refuse(fmt.Errorf("%w: there is no operation %d", lab.ErrBad, r.Op))
	}
	if r.Key < 1 || r.Key > People {
		// Known from the number, but a real service would have to look: as virtual
		// time has it, the calls are made.
		_, err := f.gates.Walk(ctx, f.kind, r, func(context.Context, int) ([]byte, error) { return nil, nil })
		res := lab.Answer(nil, err)
		res.Missing = err == nil
		return res
	}
	var body []byte
	var err error
	if r.Op == Post {
		body, err = f.post(ctx, r)
	} else {
		body, err = f.read(ctx, r)
	}
	if errors.Is(err, store.ErrSpace) || errors.Is(err, store.ErrReadOnly) {
		err = fmt.Errorf("%w: %w", lab.ErrSpace, err)
	}
	if errors.Is(err, lab.ErrBad) {
		return refuse(err)
	}
	if err == nil {
		f.count.note(r)
	}
	return lab.Answer(body, err)
}

// refuse answers a request that is itself wrong, and says why.
func refuse(err error) lab.Response {
	res := lab.Answer(nil, err)
	res.Body = []byte(err.Error())
	return res
}

// post writes a post and, where its author is copied, brings it to the
// followers, some at each call. Until all have it, readers ask for it.
func (f *Feed) post(ctx context.Context, r *lab.Request) ([]byte, error) {
	text, err := parsePost(r.Body)
	if err != nil {
		return nil, err
	}
	readers := f.graph[r.Key]
	var id int64
	return f.gates.Walk(ctx, f.kind, r, func(ctx context.Context, n int) ([]byte, error) {
		if n == 0 {
			var err error
			id, err = f.table.add(ctx, r.Key, text, r.Once)
			return fmt.Appendf(nil, `{"id":%d,"author":%d}`, id, r.Key), err
		}
		from := (n - 1) * inboxesPerCall
		to := min(from+inboxesPerCall, len(readers))
		return fmt.Appendf(nil, `{"id":%d,"author":%d,"copied":%d}`, id, r.Key, len(readers)), f.table.copy(ctx, id, readers[from:to], to == len(readers))
	})
}

// read gathers a page: the inbox, if any author's posts are copied, and the
// authors who are asked. Whoever's posts were written while copying was off, or
// are on their way, is asked beside the inbox, so that a switch loses nothing.
func (f *Feed) read(ctx context.Context, r *lab.Request) ([]byte, error) {
	begin, err := f.cut(ctx, r)
	if err != nil {
		return nil, err
	}
	direct, copied := split(r)
	needed := sources(r)
	var found, more []Item
	_, err = f.gates.Walk(ctx, f.kind, r, func(ctx context.Context, n int) ([]byte, error) {
		var items []Item
		var err error
		if n >= needed { // only a home page with suggestions makes so many calls
			at := (n - needed) * authorsPerCall
			items, err = f.table.of(ctx, Strangers(r.Key)[at:min(at+authorsPerCall, Suggested)], false, cut{})
			more = append(more, items...)
			return nil, err
		}
		from := n * authorsPerCall
		switch {
		case from < len(direct):
			items, err = f.table.of(ctx, direct[from:min(from+authorsPerCall, len(direct))], false, begin)
		case n == over(len(direct), authorsPerCall) && len(copied) > 0:
			if items, err = f.table.inbox(ctx, r.Key, begin); err == nil {
				found = append(found, items...)
				items, err = f.table.of(ctx, copied, true, begin)
			}
		}
		found = append(found, items...)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	if r.Op == Home {
		return home(r, found, more)
	}
	return page(r.Key, found, begin.skip)
}

// cut says where r's page begins. People of the simulation leaf by page number;
// a request may say ?before=ID, which a feed with keyset pages goes on from.
func (f *Feed) cut(ctx context.Context, r *lab.Request) (cut, error) {
	if r.Op != Older {
		return cut{}, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil {
		return cut{}, fmt.Errorf("%w: the query is not of the form before=ID: %w", lab.ErrBad, err)
	}
	if text := q.Get("before"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return cut{}, fmt.Errorf("%w: before is %.40q (want the id of the last post seen)", lab.ErrBad, text)
		}
		return cut{before: id}, nil
	}
	if !keyset(r) {
		return cut{skip: pageOf(r) * Page}, nil
	}
	// The simulated reader has no page at hand: the post it saw last is about as
	// far back as its page number says.
	var newest sql.NullInt64
	if err := f.table.read.QueryRowContext(ctx, `SELECT max(id) FROM posts`).Scan(&newest); err != nil {
		return cut{}, fmt.Errorf("find the newest post: %w", f.table.explain(ctx, err))
	}
	return cut{before: max(1, newest.Int64-int64(pageOf(r)*Page))}, nil
}

// split returns who of the followed is asked, and whose posts are copied.
func split(r *lab.Request) (direct, copied []uint64) {
	for _, a := range Followed(r.Key) {
		if mode(r, a) {
			copied = append(copied, a)
		} else {
			direct = append(direct, a)
		}
	}
	return direct, copied
}

// page writes the newest posts once each, after the first skip.
func page(reader uint64, found []Item, skip int) ([]byte, error) {
	slices.SortFunc(found, func(a, b Item) int { return cmp.Compare(b.ID, a.ID) })
	found = slices.CompactFunc(found, func(a, b Item) bool { return a.ID == b.ID })
	found = found[min(skip, len(found)):]
	found = found[:min(Page, len(found))]
	out := struct {
		Reader uint64 `json:"reader"`
		Posts  []Item `json:"posts"`
		Next   int64  `json:"next,omitempty"` // the last post, for ?before=
	}{Reader: reader, Posts: found}
	if out.Posts == nil {
		out.Posts = []Item{}
	}
	if len(found) == Page {
		out.Next = found[Page-1].ID
	}
	return json.Marshal(out)
}

// Followed returns whom a person follows: two celebrities, and the Others who
// come next in the circle of those who are none.
func Followed(person uint64) []uint64 {
	out := make([]uint64, 0, Others+2)
	out = append(out, person%Celebrities+1, (person+1)%Celebrities+1)
	if person <= Celebrities {
		return out
	}
	const circle = People - Celebrities
	for i := uint64(1); i <= Others; i++ {
		out = append(out, (person-Celebrities-1+i)%circle+Celebrities+1)
	}
	return out
}

// graph lists each author's followers, by author.
func graph() [][]uint64 {
	out := make([][]uint64, People+1)
	for p := uint64(1); p <= People; p++ {
		for _, a := range Followed(p) {
			out[a] = append(out[a], p)
		}
	}
	return out
}

// parsePost reads the body of a post.
func parsePost(body []byte) (string, error) {
	var in struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", fmt.Errorf("%w: the body is not JSON like {\"text\":\"…\"}: %w", lab.ErrBad, err)
	}
	if in.Text == nil || *in.Text == "" {
		return "", fmt.Errorf("%w: text is missing (want at most %d characters)", lab.ErrBad, maxText)
	}
	if n := utf8.RuneCountInString(*in.Text); n > maxText {
		return "", fmt.Errorf("%w: text has %d characters (want at most %d)", lab.ErrBad, n, maxText)
	}
	return *in.Text, nil
}
