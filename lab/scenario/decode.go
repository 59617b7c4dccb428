package scenario

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// decoder turns YAML nodes into a spec. It is stricter than the library's: an
// unknown or repeated field is a fault, every fault names its line, and an
// alias is refused, so a small file cannot unfold into a large one.
type decoder struct {
	src    *source
	faults []error
}

func (d *decoder) fault(n *yaml.Node, path, got, want string) {
	if path == "" {
		path = "file"
	}
	d.faults = append(d.faults, &FieldError{File: d.src.file, Line: n.Line, Field: path, Got: got, Want: want})
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// value sets v from n. A field without a value keeps its zero.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	d.src.lines[path] = n.Line
	switch {
	case n.Kind == yaml.AliasNode:
		d.fault(n, path, "an alias (*"+n.Value+")", "the value itself")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem())
	case v.Addr().Type().Implements(textType), v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Map:
		d.scalar(n, path, v)
	case v.Kind() == reflect.Struct:
		d.record(n, path, v)
	case v.Kind() == reflect.Slice:
		d.list(n, path, v)
	default:
		d.table(n, path, v)
	}
}

// entries calls f for each field of a mapping, once for each name.
func (d *decoder) entries(n *yaml.Node, path string, f func(name string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, path, kindName(n), "a mapping of fields")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.fault(key, path, kindName(key)+" as a field's name", "a word")
			continue
		}
		if line, again := seen[key.Value]; again {
			d.fault(key, join(path, key.Value), "the field a second time", fmt.Sprintf("it once (it is on line %d already)", line))
			continue
		}
		seen[key.Value] = key.Line
		f(key.Value, key, n.Content[i+1])
	}
}

func (d *decoder) record(n *yaml.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	d.entries(n, path, func(name string, key, value *yaml.Node) {
		index, ok := fields[name]
		if !ok {
			d.fault(key, join(path, name), "an unknown field", unknown(name, sortedKeys(fields)))
			return
		}
		d.value(value, join(path, name), v.FieldByIndex(index))
	})
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fault(n, path, kindName(n), "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
}

func (d *decoder) table(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.entries(n, path, func(name string, _, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, join(path, name), item)
		v.SetMapIndex(reflect.ValueOf(name), item)
	})
}

// scalar sets a number, word, duration, switch or a knob's value.
func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.fault(n, path, kindName(n), "a single value")
		return
	}
	text := strings.TrimSpace(n.Value)
	wrong := func(want string) { d.fault(n, path, strconv.Quote(shorten(text)), want) }
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			wrong("a state: off, shadow, on or yours")
		}
		return
	}
	switch {
	case v.Type() == durationType:
		x, err := time.ParseDuration(text)
		if err != nil {
			wrong("a duration such as 500ms or 10s")
			return
		}
		v.SetInt(int64(x))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(text)) // the knob's own type reads it later
	case v.Kind() == reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			wrong("a number")
			return
		}
		v.SetFloat(x)
	case v.Kind() == reflect.Int:
		x, err := strconv.Atoi(text)
		if err != nil {
			wrong("a whole number")
			return
		}
		v.SetInt(int64(x))
	case v.Kind() == reflect.Uint64:
		x, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			wrong("a whole number of at least 0")
			return
		}
		v.SetUint(x)
	case v.Kind() == reflect.Bool:
		x, err := strconv.ParseBool(text)
		if err != nil {
			wrong("true or false")
			return
		}
		v.SetBool(x)
	default:
		panic("scenario: a Spec has a field of type " + v.Type().String() + ", which the decoder does not know")
	}
}

// fieldsOf returns where each YAML field of a struct is, inlined ones included.
func fieldsOf(t reflect.Type) map[string][]int {
	out := map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if options == "inline" {
			for inner, index := range fieldsOf(f.Type) {
				out[inner] = append([]int{i}, index...)
			}
			continue
		}
		if name != "" && name != "-" {
			out[name] = []int{i}
		}
	}
	return out
}

func join(path, name string) string {
	name = shorten(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

// shorten keeps a hostile name or value from filling the error.
func shorten(text string) string {
	const longest = 60
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return strconv.Quote(shorten(n.Value))
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
