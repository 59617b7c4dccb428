// Package knob describes, checks and sets the adjustable values of a pattern.
//
// A room declares a struct with tagged fields; this package turns it into the
// rows of a form, and a map of changes (from YAML, JSON or --set) back into a
// checked struct. Every error names the knob and says what would be right.
//
//	type Knobs struct {
//		Rate  float64       `knob:"rate" unit:"req/s" min:"0.1" max:"1e6" scale:"yes" help:"requests admitted a second"`
//		Wait  time.Duration `knob:"wait" min:"0s" max:"10s" help:"longest wait for a place"`
//		Order string        `knob:"order" options:"fifo,lifo" help:"who is served next"`
//		Drop  bool          `knob:"drop_expired" help:"drop what is too late at dequeue"`
//	}
//
// Fields are float64, int, bool, string (with options) or time.Duration.
// Defaults are the values in the struct that the room's defaults function
// returns. A knob tagged scale:"yes" grows with the scenario's scale.
package knob

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a knob's type as the page shows it.
type Kind string

// The kinds of knob.
const (
	Number   Kind = "number"   // float64
	Integer  Kind = "integer"  // int
	Switch   Kind = "switch"   // bool
	Choice   Kind = "choice"   // string from Options
	Duration Kind = "duration" // time.Duration, written as Go writes it: "50ms"
)

// Info describes one knob with its present value. Value, Min and Max are text
// in the knob's own notation.
type Info struct {
	Name    string   `json:"name"`
	Kind    Kind     `json:"kind"`
	Value   string   `json:"value"`
	Unit    string   `json:"unit,omitempty"`
	Min     string   `json:"min,omitempty"`
	Max     string   `json:"max,omitempty"`
	Options []string `json:"options,omitempty"`
	Help    string   `json:"help"`
	Scales  bool     `json:"scales,omitempty"`
}

// Error is one wrong setting: which knob, what was given and what to give.
type Error struct {
	Knob string // the knob's name
	Got  string // what was given
	Want string // what would be right
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("knob %s: got %s, want %s", e.Knob, e.Got, e.Want) }

// Wrong returns the Error for a knob's value, written as the knob would be.
func Wrong(name string, got any, want string) error {
	return &Error{Knob: name, Got: fmt.Sprint(got), Want: want}
}

// Validator is implemented by a Knobs struct whose fields depend on each other.
type Validator interface{ Validate() error }

// Describe returns the knobs of ptr, a pointer to a tagged struct, in the order
// of its fields.
func Describe(ptr any) []Info {
	v := target(ptr)
	out := make([]Info, 0, v.NumField())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, ok := f.Tag.Lookup("knob")
		if !ok {
			continue
		}
		info := Info{
			Name: name, Kind: kindOf(f.Type, f.Tag), Value: text(v.Field(i)),
			Unit: f.Tag.Get("unit"), Min: f.Tag.Get("min"), Max: f.Tag.Get("max"),
			Help: f.Tag.Get("help"), Scales: f.Tag.Get("scale") != "",
		}
		if o := f.Tag.Get("options"); o != "" {
			info.Options = strings.Split(o, ",")
		}
		out = append(out, info)
	}
	return out
}

// Values returns the present settings of ptr as text by knob name.
func Values(ptr any) map[string]string {
	out := map[string]string{}
	for _, i := range Describe(ptr) {
		out[i.Name] = i.Value
	}
	return out
}

// Apply sets the named knobs of ptr and validates the whole. On an error, which
// joins all faults found, ptr is unchanged. Values may be of the field's type,
// a JSON number, or text.
func Apply(ptr any, changes map[string]any) error {
	live := target(ptr)
	draft := reflect.New(live.Type()).Elem()
	draft.Set(live)
	var faults []error
	names := make([]string, 0, len(changes))
	for n := range changes {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := set(draft, name, changes[name]); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		if v, ok := draft.Addr().Interface().(Validator); ok {
			if err := v.Validate(); err != nil {
				faults = append(faults, err)
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	live.Set(draft)
	return nil
}

// Scale multiplies every knob tagged scale:"yes" by factor, keeping integers at
// least 1 (unless they are 0) and every value within its limits.
func Scale(ptr any, factor float64) {
	v := target(ptr)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("scale") == "" {
			continue
		}
		lo, hi := limits(f.Tag, f.Type)
		switch field := v.Field(i); {
		case field.Kind() == reflect.Float64:
			field.SetFloat(min(max(field.Float()*factor, lo), hi))
		case field.Kind() == reflect.Int && field.Int() != 0:
			n := math.Round(float64(field.Int()) * factor)
			field.SetInt(int64(min(max(n, 1, lo), hi)))
		}
	}
}

func target(ptr any) reflect.Value {
	v := reflect.ValueOf(ptr)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("knob: %T is not a pointer to a struct", ptr))
	}
	return v.Elem()
}

var durationType = reflect.TypeFor[time.Duration]()

func kindOf(t reflect.Type, tag reflect.StructTag) Kind {
	switch {
	case t == durationType:
		return Duration
	case t.Kind() == reflect.Float64:
		return Number
	case t.Kind() == reflect.Int:
		return Integer
	case t.Kind() == reflect.Bool:
		return Switch
	case t.Kind() == reflect.String && tag.Get("options") != "":
		return Choice
	}
	panic("knob: unsupported field type " + t.String() + " (want float64, int, bool, time.Duration, or string with options)")
}

func text(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return time.Duration(v.Int()).String()
	case v.Kind() == reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(v.Interface())
	}
}

// limits returns a knob's bounds as float64 (durations in nanoseconds).
func limits(tag reflect.StructTag, t reflect.Type) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	parse := func(s string, into *float64) {
		if s == "" {
			return
		}
		if t == durationType {
			d, err := time.ParseDuration(s)
			if err != nil {
				panic("knob: bad limit " + s)
			}
			*into = float64(d)
			return
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			panic("knob: bad limit " + s)
		}
		*into = f
	}
	parse(tag.Get("min"), &lo)
	parse(tag.Get("max"), &hi)
	return lo, hi
}

func set(v reflect.Value, name string, value any) error {
	var known []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tagged, ok := f.Tag.Lookup("knob")
		if !ok {
			continue
		}
		if tagged == name {
			return setField(v.Field(i), f, name, value)
		}
		known = append(known, tagged)
	}
	return &Error{Knob: name, Got: "an unknown name", Want: "one of " + strings.Join(known, ", ")}
}

func setField(field reflect.Value, f reflect.StructField, name string, value any) error {
	raw := plain(value)
	wrong := func(want string) error { return &Error{Knob: name, Got: strconv.Quote(raw), Want: want} }
	lo, hi := limits(f.Tag, f.Type)
	between := func(kind string) string {
		switch min, max := f.Tag.Get("min"), f.Tag.Get("max"); {
		case min != "" && max != "":
			return kind + " from " + min + " to " + max
		case min != "":
			return kind + " of at least " + min
		case max != "":
			return kind + " of at most " + max
		}
		return kind
	}
	switch kindOf(f.Type, f.Tag) {
	case Duration:
		d, err := time.ParseDuration(raw)
		if err != nil || float64(d) < lo || float64(d) > hi {
			return wrong(between("a duration such as 50ms"))
		}
		field.SetInt(int64(d))
	case Number:
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || n < lo || n > hi {
			return wrong(between("a number"))
		}
		field.SetFloat(n)
	case Integer:
		n, err := strconv.ParseInt(raw, 10, 64)
		if err != nil || float64(n) < lo || float64(n) > hi {
			return wrong(between("a whole number"))
		}
		field.SetInt(n)
	case Switch:
		b, err := strconv.ParseBool(raw)
		if err != nil {
			return wrong("true or false")
		}
		field.SetBool(b)
	case Choice:
		options := strings.Split(f.Tag.Get("options"), ",")
		if !slices.Contains(options, raw) {
			return wrong("one of " + strings.Join(options, ", "))
		}
		field.SetString(raw)
	}
	return nil
}

// plain returns the text of a value from YAML, JSON or a flag.
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}
