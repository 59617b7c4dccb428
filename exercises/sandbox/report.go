package sandbox

import (
	"errors"
	"fmt"
	"strings"
)

// Level says how well a program is confined.
type Level string

const (
	Full    Level = "full"    // namespaces, Landlock, seccomp, and limits
	Partial Level = "partial" // one of them is missing, and what it would have kept out is kept out by another
	None    Level = "none"    // limits alone: the program can read what its user can
)

// Report is what the probe found: which layers work here.
type Report struct {
	Level      Level  `json:"level"`
	Root       bool   `json:"root"`       // this process is root
	Namespaces bool   `json:"namespaces"` // user, mount, process, network and IPC
	Processes  bool   `json:"processes"`  // at least the process namespace
	Landlock   int    `json:"landlock"`   // its version; 0: none
	Seccomp    bool   `json:"seccomp"`
	Memory     bool   `json:"memory"` // memory is watched
	Missing    []Lack `json:"missing,omitempty"`
}

// Lack is a layer that does not work here.
type Lack struct {
	Layer string `json:"layer"`
	Why   string `json:"why"`
	Help  string `json:"help"` // what to do
}

func (l Lack) String() string { return fmt.Sprintf("%s: %s; %s", l.Layer, l.Why, l.Help) }

// missing returns what is missing, in one line.
func (r Report) missing() string {
	var out []string
	for _, l := range r.Missing {
		out = append(out, l.String())
	}
	return strings.Join(out, "; ")
}

// grade sets the level from the layers that were found. Without namespaces the
// other two layers must both be there, or files or processes lie open.
func (r *Report) grade() {
	switch {
	case r.Namespaces && r.Landlock > 0 && r.Seccomp:
		r.Level = Full
	case r.Namespaces && (r.Seccomp || r.Landlock > 0), r.Landlock > 0 && r.Seccomp && !r.Root:
		r.Level = Partial
	default:
		r.Level = None
	}
}

// String says it in one line.
func (r Report) String() string {
	if len(r.Missing) == 0 {
		return string(r.Level)
	}
	return string(r.Level) + ": " + r.missing()
}

// ErrWeak is wrapped by the error of Require.
var ErrWeak = errors.New("the sandbox is too weak")

// Require returns an error unless the level is at least what is wanted. Whoever
// runs code for others must ask for Full, and not run it otherwise.
func (r Report) Require(want Level) error {
	rank := map[Level]int{None: 0, Partial: 1, Full: 2}
	if rank[r.Level] >= rank[want] {
		return nil
	}
	return fmt.Errorf("%w: it is %q here, want %q (%s)", ErrWeak, r.Level, want, r.missing())
}
