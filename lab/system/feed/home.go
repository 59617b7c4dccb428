package feed

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"workbench/lab"
)

// Strangers returns people whom a person does not follow and might: those who
// come next in the circle after the ones that they do.
func Strangers(person uint64) []uint64 {
	const circle = People - Celebrities
	first := uint64(0)
	if person > Celebrities {
		first = person - Celebrities - 1 + Others + 1
	}
	out := make([]uint64, 0, Suggested)
	for i := range uint64(Suggested) {
		out = append(out, (first+i)%circle+Celebrities+1)
	}
	return out
}

// home writes a home page: the newest posts, and the newest suggested ones. One
// without suggestions says that it is reduced, so that nobody takes it for one
// that found none.
func home(r *lab.Request, found, more []Item) ([]byte, error) {
	newest := func(items []Item) []Item {
		slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(b.ID, a.ID) })
		items = slices.CompactFunc(items, func(a, b Item) bool { return a.ID == b.ID })
		return append([]Item{}, items[:min(Page, len(items))]...)
	}
	out := struct {
		Reader    uint64 `json:"reader"`
		Posts     []Item `json:"posts"`
		Suggested []Item `json:"suggested,omitempty"`
		Reduced   bool   `json:"reduced,omitempty"`
	}{Reader: r.Key, Posts: newest(found), Suggested: newest(more), Reduced: !suggests(r)}
	return json.Marshal(out)
}

// simpler is what a reader gets when the database is gone: a page without posts
// that says so.
func simpler(r *lab.Request) []byte {
	if r.Op == Post {
		return nil
	}
	return append(strconv.AppendUint([]byte(`{"reader":`), r.Key, 10), `,"posts":[],"default":true}`...)
}
