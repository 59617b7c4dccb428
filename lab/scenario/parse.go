package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"workbench/lab/fleet"
)

// MaxSize is the largest scenario file in bytes.
const MaxSize = 64 << 10

// The defaults of fields left out.
const (
	DefaultSystem    = "profile"
	DefaultLiveScale = 0.2
	DefaultInstances = 1
	DefaultStart     = 2 * time.Second // of an instance
)

// Parse reads one scenario file; name is what its errors call the file. The
// error joins everything that is wrong, each as "file:line: field: got X, want
// Y", and then the Spec is zero: nothing is half-read. It checks all that can
// be known without the patterns and systems; Validate checks the rest.
func Parse(name string, src []byte) (Spec, error) {
	if len(src) > MaxSize {
		return Spec{}, &FieldError{File: name, Field: "file", Got: fmt.Sprintf("%d bytes", len(src)), Want: fmt.Sprintf("at most %d", MaxSize)}
	}
	root, err := parseNode(name, src)
	if err != nil {
		return Spec{}, err
	}
	d := decoder{src: &source{file: name, lines: map[string]int{"": root.Line}}}
	spec := Spec{src: d.src, Balancer: fleet.Defaults(), Autoscaler: fleet.DefaultScaling()}
	d.value(root, "", reflect.ValueOf(&spec).Elem())
	if err := errors.Join(d.faults...); err != nil {
		return Spec{}, err
	}
	spec.fill()
	if err := spec.check(); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

// fill sets the defaults.
func (s *Spec) fill() {
	if s.System == "" {
		s.System = DefaultSystem
	}
	if s.Title == "" {
		s.Title = s.Name
	}
	if s.Instances == 0 {
		s.Instances = DefaultInstances
	}
	if s.Instance.Start == 0 {
		s.Instance.Start = DefaultStart
	}
	if s.LiveScale == 0 {
		s.LiveScale = DefaultLiveScale
	}
}

// syntaxError finds the line in a message of the YAML reader.
var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// parseNode returns the one document of a file.
func parseNode(name string, src []byte) (*yaml.Node, error) {
	in := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	err := in.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, &FieldError{File: name, Line: 1, Field: "file", Got: "nothing", Want: "a scenario (see docs/reference/scenario.md)"}
	}
	if err != nil {
		return nil, syntaxFault(name, err)
	}
	var second yaml.Node
	switch err := in.Decode(&second); {
	case errors.Is(err, io.EOF):
		return doc.Content[0], nil
	case err != nil:
		return nil, syntaxFault(name, err)
	}
	return nil, &FieldError{File: name, Line: second.Line, Field: "file", Got: "more than one document", Want: "one scenario in a file"}
}

func syntaxFault(name string, err error) error {
	e := &FieldError{File: name, Field: "syntax", Got: shorten(err.Error()), Want: "YAML"}
	if m := syntaxError.FindStringSubmatch(err.Error()); m != nil {
		e.Got = shorten(m[2])
		if n, bad := strconv.Atoi(m[1]); bad == nil {
			e.Line = n
		}
	}
	return e
}
