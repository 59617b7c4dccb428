package trace

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// wire is a span on its way between two processes. Ids are hexadecimal, a zero
// one is empty; instants are nanoseconds since 1970.
type wire struct {
	Trace   string      `json:"trace"`
	ID      string      `json:"id"`
	Parent  string      `json:"parent,omitempty"`
	Name    string      `json:"name"`
	Where   string      `json:"where"`
	Kind    string      `json:"kind"`
	Start   int64       `json:"start"`
	End     int64       `json:"end"`
	Failed  bool        `json:"failed,omitempty"`
	Quiet   bool        `json:"quiet,omitempty"`
	Sampled bool        `json:"sampled,omitempty"`
	Attrs   []Attr      `json:"attrs,omitempty"`
	Links   [][2]string `json:"links,omitempty"` // trace and span
}

// MarshalJSON implements json.Marshaler.
func (f Finished) MarshalJSON() ([]byte, error) {
	w := wire{
		Trace: text(f.Trace[:]), ID: text(f.ID[:]), Parent: text(f.Parent[:]), Name: f.Name, Where: f.Where, Kind: f.Kind,
		Start: f.Start.UnixNano(), End: f.End.UnixNano(), Failed: f.Failed, Quiet: f.Quiet, Sampled: f.Sampled, Attrs: f.Attrs,
	}
	for _, l := range f.Links {
		w.Links = append(w.Links, [2]string{text(l.Trace[:]), text(l.Span[:])})
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Finished) UnmarshalJSON(in []byte) error {
	var w wire
	if err := json.Unmarshal(in, &w); err != nil {
		return err
	}
	out := Finished{Sampled: w.Sampled, Span: Span{
		Name: w.Name, Where: w.Where, Kind: w.Kind, Start: time.Unix(0, w.Start), End: time.Unix(0, w.End), Failed: w.Failed, Quiet: w.Quiet, Attrs: w.Attrs,
	}}
	err := errors.Join(read("trace", w.Trace, out.Trace[:]), read("id", w.ID, out.ID[:]), read("parent", w.Parent, out.Parent[:]))
	for _, l := range w.Links {
		var to Link
		err = errors.Join(err, read("links", l[0], to.Trace[:]), read("links", l[1], to.Span[:]))
		out.Links = append(out.Links, to)
	}
	if err != nil {
		return err
	}
	*f = out
	return nil
}

// text is an id as text.
func text(id []byte) string {
	for _, b := range id {
		if b != 0 {
			return hex.EncodeToString(id)
		}
	}
	return ""
}

// read reads an id into into.
func read(field, text string, into []byte) error {
	if text == "" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(into) {
		return fmt.Errorf("field %s of a span: want %d hexadecimal digits", field, 2*len(into))
	}
	copy(into, b)
	return nil
}
