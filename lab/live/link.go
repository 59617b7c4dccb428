package live

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/scenario"
)

// Setup is all that a link holds: a scenario and what a person has set by hand
// in it. Its override is that of the command line, whose patterns here are also
// database, beside balancer and autoscaler.
type Setup struct {
	Scenario string
	scenario.Override
	Down     []string // instances that are killed, by name
	Draining []string // instances that get no new requests
}

// databaseName is what a link calls the settings of reads from replicas.
const databaseName = "database"

// maxLink bounds a link; the longest that the lab writes has a quarter of it.
const maxLink = 16 << 10

// linkFlags are the flags that a link may have as well.
var linkFlags = [...]string{"duration", "fault", "instances", "off", "on", "scale", "seed", "set", "shadow", "traffic", "users", "variant"}

func linkNames() []string {
	return append([]string{"scenario", "yours", "down", "drain"}, linkFlags[:]...)
}

// Link writes a setup as the query of a link, which ParseLink reads.
func (s Setup) Link() string {
	q := url.Values{"scenario": {s.Scenario}}
	set := func(name string, text string, given bool) {
		if given {
			q.Set(name, text)
		}
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	if s.Seed != nil {
		q.Set("seed", strconv.FormatUint(*s.Seed, 10))
	}
	if s.Traffic != nil {
		q.Set("traffic", number(*s.Traffic))
	}
	set("scale", number(s.Scale), s.Scale != 0)
	set("users", strconv.FormatUint(s.Users, 10), s.Users != 0)
	set("duration", s.Duration.String(), s.Duration != 0)
	set("variant", s.Variant, s.Variant != "")
	set("instances", strconv.Itoa(s.Instances), s.Instances != 0)
	set("down", strings.Join(s.Down, ","), len(s.Down) > 0)
	set("drain", strings.Join(s.Draining, ","), len(s.Draining) > 0)
	for _, f := range s.Faults {
		q.Add("fault", f.String())
	}
	for _, name := range slices.Sorted(maps.Keys(s.Patterns)) {
		t := s.Patterns[name]
		if t.State != nil {
			q.Set(t.State.String(), strings.Trim(q.Get(t.State.String())+","+name, ","))
		}
		for _, k := range slices.Sorted(maps.Keys(t.Knobs)) {
			q.Add("set", fmt.Sprintf("%s.%s=%v", name, k, t.Knobs[k]))
		}
	}
	return q.Encode()
}

// ParseLink reads the query of a link. Its error joins everything that is wrong
// in itself, as FieldErrors by the link's own words; what a scenario does not
// have is for the lab to say.
func ParseLink(query string) (Setup, error) {
	if len(query) > maxLink {
		return Setup{}, &FieldError{Field: "link", Got: fmt.Sprintf("%d bytes", len(query)), Want: fmt.Sprintf("at most %d", maxLink)}
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return Setup{}, &FieldError{Field: "link", Got: strconv.Quote(short(query)), Want: "the query of an address (" + err.Error() + ")"}
	}
	s := Setup{Scenario: q.Get("scenario")}
	var faults []error
	if s.Scenario == "" {
		faults = append(faults, &FieldError{Field: "scenario", Got: "nothing", Want: "a scenario's name"})
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		faults = append(faults, s.take(name, q[name])...)
	}
	if err := errors.Join(faults...); err != nil {
		return Setup{}, err
	}
	return s, nil
}

// take reads all values of one word of a link.
func (s *Setup) take(name string, values []string) []error {
	many := name == "set" || name == "fault" || name == "on" || name == "off" || name == "shadow"
	if len(values) > 1 && !many {
		return []error{&FieldError{Field: short(name), Got: fmt.Sprintf("%d values", len(values)), Want: "one"}}
	}
	switch {
	case name == "scenario":
		return nil
	case name == "down" || name == "drain":
		list, err := instanceNames(name, values[0])
		if name == "down" {
			s.Down = list
		} else {
			s.Draining = list
		}
		return err
	case name == "yours":
		var faults []error
		for pattern := range strings.SplitSeq(values[0], ",") {
			faults = append(faults, s.state(name, pattern, lab.Yours))
		}
		return drop(faults)
	case !slices.Contains(linkFlags[:], name):
		return []error{&FieldError{Field: short(name), Got: "a word that no link has", Want: "one of " + strings.Join(linkNames(), ", ")}}
	}
	var faults []error
	for _, v := range values {
		if state, err := lab.ParseState(name); err == nil && v != "" {
			for pattern := range strings.SplitSeq(v, ",") {
				faults = append(faults, s.state(name, pattern, state))
			}
			continue
		}
		if err := s.Set(name, v); err != nil {
			faults = append(faults, flagFault(err))
		}
	}
	return drop(faults)
}

// state notes a pattern's state, once.
func (s *Setup) state(word, pattern string, state lab.State) error {
	if t, ok := s.Patterns[pattern]; ok && t.State != nil {
		return &FieldError{Field: word, Got: strconv.Quote(short(pattern)), Want: fmt.Sprintf("each pattern in one state: it is %v already", *t.State)}
	}
	if pattern == "" {
		return &FieldError{Field: word, Got: "nothing", Want: "patterns' names, with commas"}
	}
	if s.Patterns == nil {
		s.Patterns = map[string]scenario.Toggle{}
	}
	t := s.Patterns[pattern]
	t.State = &state
	s.Patterns[pattern] = t
	return nil
}

// instanceNames reads a list such as "b,c".
func instanceNames(word, text string) ([]string, []error) {
	var out []string
	for name := range strings.SplitSeq(text, ",") {
		if len(name) != 1 || name[0] < 'a' || name[0] > 'z' || slices.Contains(out, name) {
			return nil, []error{&FieldError{Field: word, Got: strconv.Quote(short(text)), Want: "instances' names, each once, with commas: b,c"}}
		}
		out = append(out, name)
	}
	return out, nil
}

// flagFault returns a flag's fault as one of the link's field.
func flagFault(err error) error {
	var f *scenario.FlagError
	if errors.As(err, &f) {
		return &FieldError{Field: f.Flag, Got: strconv.Quote(f.Got), Want: f.Want}
	}
	return err
}

func drop(faults []error) []error {
	return slices.DeleteFunc(faults, func(err error) bool { return err == nil })
}

func short(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// linkFaults returns what is wrong with a link's settings in its scenario, each
// by its whole name: "balancer.health.interval".
func linkFaults(part string, err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case *FieldError:
		return []error{e}
	case *scenario.FlagError:
		return []error{flagFault(e)}
	case *knob.Error:
		return []error{&FieldError{Field: strings.Trim(part+"."+e.Knob, "."), Got: e.Got, Want: e.Want}}
	case *scenario.FieldError:
		return []error{&FieldError{Field: e.Field, Got: e.Got, Want: e.Want}}
	case *scenario.PartError:
		return linkFaults(e.Part, e.Err)
	case interface{ Unwrap() []error }:
		var out []error
		for _, one := range e.Unwrap() {
			if one != ErrInvalid {
				out = append(out, linkFaults(part, one)...)
			}
		}
		return out
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); named(inner) {
			return linkFaults(part, inner)
		}
	}
	if part == "" {
		part = "link"
	}
	return []error{&FieldError{Field: part, Got: "what does not fit", Want: strings.ReplaceAll(err.Error(), "\n", "; ")}}
}

// named reports whether an error says which setting is wrong.
func named(err error) bool {
	var field *FieldError
	var flag *scenario.FlagError
	var file *scenario.FieldError
	var part *scenario.PartError
	var one *knob.Error
	return errors.As(err, &field) || errors.As(err, &flag) || errors.As(err, &file) || errors.As(err, &part) || errors.As(err, &one)
}
