// Package kind is the list of demo services, and of the patterns that each has.
// Adding a service is adding its room and a line here. Both engines read it, one
// of them in a browser: nothing here opens anything or imports a driver.
package kind

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/system"
	"workbench/lab/system/feed"
	"workbench/lab/system/login"
	"workbench/lab/system/notify"
	"workbench/lab/system/orders"
	"workbench/lab/system/profile"
)

// All returns the demo services, the plainest first.
func All() []system.Kind {
	return []system.Kind{
		profile.Kind(),
		login.Kind(),
		feed.Kind(),
		notify.Kind(),
		orders.Kind(),
	}
}

// Find returns the service with this name.
func Find(name string) (system.Kind, bool) {
	all := All()
	i := slices.IndexFunc(all, func(k system.Kind) bool { return k.Name == name })
	if i < 0 {
		return system.Kind{}, false
	}
	return all[i], true
}

// Names returns the services' names, for errors.
func Names() string {
	var out []string
	for _, k := range All() {
		out = append(out, k.Name)
	}
	return strings.Join(out, ", ")
}

//go:embed choices/*.txt
var texts embed.FS

// Doc returns the documentation of a service's own choice, as its page prints it.
func Doc(choice string) (string, error) {
	text, err := texts.ReadFile("choices/" + choice + ".txt")
	if err != nil {
		return "", fmt.Errorf("choice %q: %w", choice, err)
	}
	return string(text), nil
}

// Patterns returns the patterns that a service has, in the order in which a
// request passes them: everybody's, the service's own choices, then the
// clients'. A service that there is not has everybody's.
func Patterns(name string) []lab.Pattern {
	k, _ := Find(name)
	return with(k.Choices)
}

// AllPatterns returns the patterns of all services.
func AllPatterns() []lab.Pattern {
	var own []lab.Pattern
	for _, k := range All() {
		own = append(own, k.Choices...)
	}
	return with(own)
}

// with puts choices between the server's patterns and the clients'.
func with(choices []lab.Pattern) []lab.Pattern {
	all := catalog.Patterns()
	at := slices.IndexFunc(all, func(p lab.Pattern) bool { return p.Side == lab.Client })
	if at < 0 {
		at = len(all)
	}
	return slices.Insert(all, at, choices...)
}

// OpNames returns the names of all services' operations, without repetition.
func OpNames() []string {
	var out []string
	for _, k := range All() {
		for _, op := range k.Ops {
			if !slices.Contains(out, op.Name) {
				out = append(out, op.Name)
			}
		}
	}
	return out
}
